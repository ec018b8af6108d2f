import { type PlainMap, isList, isPlainMap } from "./properties";

/** A Status object of the API, or what there was instead of one. */
export class ApiError extends Error {
    constructor(
        /** HTTP status. */
        readonly code: number,
        message: string,
        private readonly status: PlainMap = {},
    ) {
        super(message);
    }

    static ofResponse(code: number, body: unknown): ApiError {
        const status = isPlainMap(body as PlainMap) ? (body as PlainMap) : {};
        const message = typeof status.message === "string" ? status.message : `the API server responded with ${code}`;
        return new ApiError(code, message, status);
    }

    get isNotFound(): boolean {
        return this.code === 404;
    }

    get isForbidden(): boolean {
        return this.code === 403;
    }

    get alreadyExists(): boolean {
        return this.code === 409 && this.status.reason === "AlreadyExists";
    }

    get isConflict(): boolean {
        return this.code === 409 && this.status.reason === "Conflict";
    }

    /** `data`: the first field that the API misses. */
    get requiredField(): string | undefined {
        const { details } = this.status;
        const causes = isPlainMap(details) && isList(details.causes) ? details.causes : [];
        const cause = causes.find((one) => isPlainMap(one) && one.reason === "FieldValueRequired");
        return isPlainMap(cause) ? String(cause.field) : undefined;
    }
}

/** The API server knows no such kind (meta.NoKindMatchError). */
export class NoKindError extends Error {
    constructor(apiVersion: string, kind: string) {
        super(`no matches for kind "${kind}" in version "${apiVersion}"`);
    }
}
