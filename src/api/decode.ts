/**
 * From the body of an answer to what it is.
 *
 * @module
 */

import { ApiError } from "./api_error.ts";
import type { JsonAnswer } from "./http.ts";

/**
 * @param value what a reader made of the answer; undefined when nothing
 * @param what names the answer in the message, such as `session`
 * @throws `ApiError` of kind `decode` when there is nothing
 */
export function decoded<T>(value: T | undefined, answer: JsonAnswer, what: string): T {
  if (value !== undefined) return value;
  throw new ApiError(`The API's answer is no ${what}`, {
    kind: "decode",
    // An API of this kind has none of this: a health check or a gateway answers in its place.
    ...(what.startsWith("page of") && { answeredBy: "other" }),
    status: answer.status,
    requestId: answer.requestId,
  });
}
