/**
 * HTTP status codes by name.
 *
 * @module
 */

/** The status codes that the project names. */
export const STATUS_CODE = {
  OK: 200,
  Accepted: 202,
  NoContent: 204,
  PartialContent: 206,
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestTimeout: 408,
  Conflict: 409,
  ContentTooLarge: 413,
  URITooLong: 414,
  UnsupportedMediaType: 415,
  RangeNotSatisfiable: 416,
  MisdirectedRequest: 421,
  TooManyRequests: 429,
  RequestHeaderFieldsTooLarge: 431,
  InternalServerError: 500,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
} as const;

/** One of the codes of {@linkcode STATUS_CODE}. */
export type StatusCode = typeof STATUS_CODE[keyof typeof STATUS_CODE];

/** The reason phrases of {@linkcode STATUS_CODE}. */
export const STATUS_TEXT: Readonly<Record<StatusCode, string>> = {
  200: "OK",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};
