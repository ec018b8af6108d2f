import { z } from "zod";
import { type Credentials, basicAuthorization } from "../../http/credentials";
import { RegistryError } from "../../errors/errors";
import { readErrorBody } from "../../distribution/client/error-body";
import { foreignAbsence } from "../../distribution/client/response-errors";
import {
    AdminClient,
    type AdminRequest,
    type AdminResponse,
    adminError,
    endlessList,
    parseBody,
} from "../admin-client";
import type { RegistryAccount } from "../registry-admin";
import { afterFirstLogin } from "./first-login";
import { whenUnlocked } from "./locked-name";

const API = "/api/v2.0";
/** The most that Harbor gives at once (more is 422). */
export const PAGE_SIZE = 100;
const MAX_PAGES = 10_000;

/**
 * True for `{"errors":[{"code","message"}]}`, the only shape of a Harbor error under `/api/v2.0` and `/v2/`. A 404 needs
 * Harbor's own code, too: gateways have errors of the same shape for a path that they do not route.
 */
function isHarborError({ status, text }: AdminResponse): boolean {
    const { code } = readErrorBody(text);
    return status === 404 ? code === "NOT_FOUND" : code !== undefined;
}

const FIXES: Readonly<Record<number, string>> = {
    401:
        "check registryUsername and registryPassword of the stack (each failed login blocks the name for 1.5 seconds, whoever fails), " +
        "and that the account is neither disabled nor expired",
    403: "give the account the right it lacks (docs/registries.md)",
    500: "Harbor masks what went wrong: look into its log (harbor-core)",
};

const END_READ_ONLY = "end Harbor's read-only mode (Administration, Configuration, System Settings), then run again";

/** Harbor's administration API as one account sees it. Never sends a cookie back: that would ask for a CSRF token. */
export class HarborClient {
    private readonly http: AdminClient;
    private readonly credentials: Credentials;
    /** `host[:port]`, for errors. */
    readonly host: string;

    constructor(private readonly account: RegistryAccount) {
        if ("token" in account.credentials) {
            throw new RegistryError("Harbor accepts no OAuth token", {
                registry: account.endpoint.host,
                code: "UNAUTHORIZED",
                fix: "set registryUsername and registryPassword",
            });
        }
        this.credentials = account.credentials;
        this.http = new AdminClient(account);
        this.host = account.endpoint.host;
    }

    get username(): string {
        return this.credentials.username;
    }

    /**
     * Calls the API; any status below 300 and those in `accept` are returned.
     * @param path below `/api/v2.0`
     * @throws RegistryError
     */
    async call(
        request: AdminRequest,
        accept: readonly number[] = [],
        fixes: Readonly<Record<number, string>> = {},
    ): Promise<AdminResponse> {
        return afterFirstLogin(this.host, this.credentials, () => this.send(request, accept, fixes));
    }

    private async send(
        request: AdminRequest,
        accept: readonly number[],
        fixes: Readonly<Record<number, string>>,
    ): Promise<AdminResponse> {
        const login: AdminRequest = {
            ...request,
            path: `${API}${request.path}`,
            account: this.username,
            headers: { authorization: basicAuthorization(this.credentials), ...request.headers },
        };
        const response = await whenUnlocked(this.account, () => this.http.send(login));
        if (response.status < 300) return response;
        // A 404 or 409 of whatever stands in front of Harbor says nothing about what is in it.
        const isHarbors = request.method === "HEAD" || isHarborError(response);
        if (accept.includes(response.status) && isHarbors) return response;
        const error = adminError(response, {
            ...FIXES,
            ...fixes,
            ...(isReadOnly(response) ? { 403: END_READ_ONLY } : {}),
        });
        throw error.code === "NOT_FOUND" && !isHarbors ? foreignAbsence(response.context) : error;
    }

    /** A resource; undefined if Harbor itself responds that it does not exist. */
    async get<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
        const response = await this.call({ method: "GET", path, headers: BY_NAME }, [404]);
        return response.status === 404 ? undefined : parseBody(response, schema);
    }

    /** A resource; 403 if this account may not see it, undefined if Harbor definitely says that it is not there. */
    async getOrStatus<T>(request: AdminRequest, schema: z.ZodType<T>): Promise<T | 403 | undefined> {
        const response = await this.call(request, [403, 404]);
        if (response.status === 403) return 403;
        return response.status === 404 ? undefined : parseBody(response, schema);
    }

    /** The response's JSON. @throws RegistryError if it has another shape */
    read<T>(response: AdminResponse, schema: z.ZodType<T>): T {
        return parseBody(response, schema);
    }

    /** A resource, or undefined if this account may not see it (403) or it is not there (404). */
    async getIfAllowed<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
        const response = await this.call({ method: "GET", path, headers: BY_NAME }, [403, 404]);
        // Without a schedule or a policy Harbor responds 200 with nothing.
        return response.status < 300 && response.text.trim() !== "" ? parseBody(response, schema) : undefined;
    }

    /** A whole list. `q` is only a coarse filter: Harbor ignores keys that it does not know. */
    async list<T>(path: string, q: string, schema: z.ZodType<T>): Promise<T[]> {
        const found: T[] = [];
        let previous: string | undefined;
        for (let page = 1; ; page++) {
            const query = `page=${page}&page_size=${PAGE_SIZE}${q === "" ? "" : `&q=${encodeURIComponent(q)}`}`;
            const response = await this.call({ method: "GET", path: `${path}?${query}`, headers: BY_NAME });
            const items = parseBody(response, z.array(schema));
            for (const item of items) found.push(item);
            if (items.length < PAGE_SIZE) return found;
            if (response.text === previous || page === MAX_PAGES) throw endlessList(response);
            previous = response.text;
        }
    }

    /** Who the account is: a robot gets 412 where a user gets itself. */
    async whoAmI(): Promise<{ readonly isRobot: boolean; readonly isAdmin: boolean }> {
        const response = await this.call({ method: "GET", path: "/users/current" }, [412]);
        if (response.status === 412) return { isRobot: true, isAdmin: false };
        const { sysadmin_flag } = parseBody(response, z.object({ sysadmin_flag: z.boolean().default(false) }));
        return { isRobot: false, isAdmin: sysadmin_flag };
    }

    /**
     * Does the registry take these credentials? Asked at `/v2/`: where anonymous may read, wrong ones are no error. A
     * refusal takes Harbor 1.5 s; wrong, expired and disabled look alike.
     */
    async takes(credentials: Credentials): Promise<boolean> {
        const headers = { authorization: basicAuthorization(credentials) };
        const request = { method: "GET", path: "/v2/", headers, account: credentials.username } as const;
        const response = await this.http.send(request);
        if (response.status === 401 && isHarborError(response)) return false;
        if (response.status !== 200) throw adminError(response, FIXES);
        parseBody(response, z.looseObject({}));
        return true;
    }

    /** The response to a request without credentials, whatever its status. */
    async anonymous(path: string): Promise<AdminResponse> {
        return this.http.send({ method: "GET", path: `${API}${path}` });
    }

    async close(): Promise<void> {
        await this.http.close();
    }
}

/** A project whose name is all digits would be taken for an id. */
export const BY_NAME = { "x-is-resource-name": "true" };

/** In read-only mode Harbor rejects every write with 403, whatever the account may do. */
function isReadOnly({ status, text }: AdminResponse): boolean {
    return status === 403 && /read.?only mode/i.test(readErrorBody(text).reason ?? "");
}
