import { expect, it } from 'vitest';
import { problemOf } from './problem';

const json = (body: string) =>
  new Response(body, { status: 409, headers: { 'content-type': 'application/problem+json' } });

it('reads what the site says', async () => {
  const problem = await problemOf(json('{"code":"state-conflict","detail":"It runs.","remedy":"Wait.","status":409}'));
  expect([problem.code, problem.message, problem.remedy, problem.status]).toEqual([
    'state-conflict',
    'It runs.',
    'Wait.',
    409,
  ]);
});

it('survives an answer that is not the site’s', async () => {
  const page = new Response('<html>', { status: 502, headers: { 'content-type': 'text/html' } });
  expect((await problemOf(page)).code).toBe('http-502');
  expect((await problemOf(json('{broken'))).code).toBe('http-409');
});
