/** What the backend says when it refuses (RFC 9457), as an error with a stable code. */

/** The code of a request that nobody answered. */
export const OFFLINE = "net.offline";

/** The code of a request that needs a session where there is none (any more). */
export const NO_SESSION = "session.required";

const endings = new Set<() => void>();

/** Calls `then` whenever the service says that there is no session. */
export function whenSessionEnds(then: () => void): () => void {
  endings.add(then);
  return () => void endings.delete(then);
}

export function sessionEnded(): void {
  for (const then of [...endings]) then();
}

export interface FieldProblem {
  field: string;
  pointer: string;
  detail: string;
}

export interface Problem {
  status: number;
  code: string;
  /** A sentence in the reader's language. */
  detail: string;
  errors: FieldProblem[];
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: FieldProblem[];

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code;
    this.errors = problem.errors;
  }

  static from(body: unknown, status: number): ApiError {
    const found = typeof body === "object" && body !== null ? (body as Partial<Problem>) : {};
    return new ApiError({
      status,
      code: found.code ?? `http.${status}`,
      detail: found.detail ?? "",
      errors: found.errors ?? [],
    });
  }

  /** Nothing answered: no network, or the service is away. */
  get offline(): boolean {
    return this.code === OFFLINE;
  }
}
