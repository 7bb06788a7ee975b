import { expect, test } from 'vitest';
import type { Peer } from '~/api';
import { addressOf, bodyOf, draftOf, NEW, rightsOf } from './facts';

const pacs: Peer = {
  name: 'pacs',
  kind: 'dimse',
  ae_title: 'PACS',
  host: '10.1.2.3',
  port: 104,
  tls: true,
  retrieve: 'move',
  networks: ['10.1.0.0/16', '10.2.0.0/16'],
  url: '',
  user_name: '',
  has_secret: false,
  may_store: true,
  may_query: false,
  max_associations: 8,
  deidentify: true,
  keep_hours: 24,
};

test('a peer that is only looked at is sent as it was', () => {
  const { max_associations: _, has_secret: __, url: ___, user_name: ____, ...rest } = pacs;
  expect(bodyOf(draftOf(pacs))).toEqual(rest);
});

test('a DICOMweb peer has no port, and keeps its secret when none is typed', () => {
  const draft = { ...NEW, name: ' cloud ', kind: 'dicomweb' as const, url: ' https://pacs.example/dicom-web ' };
  const body = bodyOf(draft);
  expect(body).toMatchObject({ name: 'cloud', url: 'https://pacs.example/dicom-web' });
  expect(body).not.toHaveProperty('port');
  expect(body).not.toHaveProperty('secret');
  expect(bodyOf({ ...draft, secret: 'x' }).secret).toBe('x');
});

test('where a peer is and what it may do are said in words', () => {
  expect(addressOf(pacs)).toBe('PACS@10.1.2.3:104 (TLS)');
  expect(rightsOf(pacs)).toBe('May send images');
  expect(rightsOf({ ...pacs, may_query: true })).toBe('May send images, query and retrieve');
  expect(rightsOf({ ...pacs, may_store: false })).toBe('May do nothing here');
});
