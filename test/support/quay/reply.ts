import type { Reply } from "../http-server";

/** Facts: registry-apis, §4, "Three error shapes"; statuses and bodies as Quay 3.12.18 gives them. */
export function json(status: number, body: unknown, headers: Reply["headers"] = {}): Reply {
    return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

const TYPES: Readonly<Record<number, string>> = {
    400: "invalid_request",
    401: "invalid_token",
    403: "insufficient_scope",
    404: "not_found",
};

/** Shape (a): an error of the API's own. */
export function problem(status: number, detail: string, type = TYPES[status] ?? "unknown"): Reply {
    return json(status, {
        detail,
        error_message: detail,
        error_type: type,
        title: type,
        type: `https://quay.example/api/v1/error/${type}`,
        status,
    });
}

/** Shape (b): an error of the data model. */
export function modelError(message: string): Reply {
    return json(400, { message });
}

/** Shape (c): an abort; JSON text, but sent as HTML. */
export function abort(status: number, error: string, headers: Reply["headers"] = {}): Reply {
    return {
        status,
        headers: { "content-type": "text/html; charset=utf-8", ...headers },
        body: JSON.stringify({ error }),
    };
}

export function html(status: number, title: string): Reply {
    const page = `<html>\n  <head>\n    <title>${title}</title>\n  </head>\n  <body>\n    <h1><p>${title}</p></h1>\n  </body>\n</html>\n`;
    return { status, headers: { "content-type": "text/html" }, body: page };
}

export const FORBIDDEN = problem(403, "Unauthorized");
export const NOT_FOUND = problem(404, "Not Found");
export const NO_ROBOT = modelError("Could not find robot with specified username");
export const NO_CONTENT: Reply = { status: 204, headers: { "content-type": "application/json" } };
/** What Quay answers where it did not expect the question. */
export const FAULT = html(500, "Internal Server Error");

/** Shape of `/v2/` errors (distribution-spec, "Error Codes"). */
export function registryError(status: number, code: string, message: string, headers: Reply["headers"] = {}): Reply {
    return json(status, { errors: [{ code, detail: {}, message }] }, headers);
}
