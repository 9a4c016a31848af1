// Questions to the server, and what can go wrong with them.

/** Why there is no answer: `code` is the server's word for it, or NETWORK. */
export class ApiError extends Error {
  constructor(code, message, { retryAfterS } = {}) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** Called when the server no longer knows who we are. */
let onLoggedOut = () => {};

export function whenLoggedOut(listener) {
  onLoggedOut = listener;
}

/**
 * Runs a query or mutation and gives its data.
 *
 * Throws an `ApiError`, or the signal's reason where that was aborted.
 */
export async function ask(query, variables = {}, { signal } = {}) {
  let response;
  try {
    response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query, variables }),
      credentials: "same-origin",
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("NETWORK", "The server can not be reached. Is the network gone?");
  }
  const retryAfterS = Number(response.headers.get("retry-after")) || undefined;
  let answer = null;
  try {
    answer = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
  }
  const fault = answer?.errors?.[0];
  if (fault) {
    const code = fault.extensions?.code ?? ofStatus(response.status).code;
    if (code === "UNAUTHENTICATED") onLoggedOut();
    throw new ApiError(code, sentence(fault.message), { retryAfterS });
  }
  if (!answer?.data) {
    const { code, message } = ofStatus(response.status);
    throw new ApiError(code, message, { retryAfterS });
  }
  return answer.data;
}

function ofStatus(status) {
  if (status === 429) return { code: "TOO_MANY", message: "Too many requests: wait a little." };
  if (status === 502 || status === 503 || status === 504) {
    return { code: "UNAVAILABLE", message: "The server is not available, try again later." };
  }
  return { code: "INTERNAL", message: `The server answered with status ${status}.` };
}

function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
