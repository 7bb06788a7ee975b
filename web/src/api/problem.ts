/** What a refused or failed request tells (RFC 9457), or what the browser knows when nothing was answered. */
export interface ProblemDetails {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  remedy?: string | null;
  [detail: string]: unknown;
}

/** An answer that is not a success: what happened, to what, and what to do now. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly remedy: string | null;
  readonly details: ProblemDetails;

  constructor(details: ProblemDetails) {
    super(details.detail ?? details.title ?? 'The site did not say what went wrong.');
    this.name = 'Problem';
    this.code = details.code ?? 'error';
    this.status = details.status ?? 0;
    this.remedy = details.remedy ?? null;
    this.details = details;
  }

  /** Nothing was answered: the site is down, or the network is. */
  get isOffline(): boolean {
    return this.code === 'offline';
  }
}

export const offline = (): Problem =>
  new Problem({
    code: 'offline',
    detail: 'The site does not answer.',
    remedy: 'Check that it runs and that you are connected; this page tries again by itself.',
  });

/** Turn any answer that is not a success into a Problem; proxies may answer something that is not ours. */
export async function problemOf(response: Response): Promise<Problem> {
  const status = response.status;
  const fallback = { status, code: `http-${status}`, detail: `The site answered ${status} ${response.statusText}.` };
  if (!(response.headers.get('content-type') ?? '').includes('json')) return new Problem(fallback);
  try {
    return new Problem({ ...fallback, ...((await response.json()) as ProblemDetails) });
  } catch (error) {
    if (error instanceof SyntaxError) return new Problem(fallback);
    throw error;
  }
}

export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem({ detail: error instanceof Error ? error.message : String(error) });
