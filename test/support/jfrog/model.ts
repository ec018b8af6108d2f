import { randomBytes, randomUUID } from "node:crypto";

export interface FakeRepository {
    readonly key: string;
    readonly rclass: string;
    readonly packageType: string;
    /** The other settings, as they were sent. */
    settings: Record<string, unknown>;
}

export interface FakeGroup {
    readonly name: string;
    description: string;
    auto_join: boolean;
    admin_privileges: boolean;
}

export interface FakeTarget {
    readonly include_patterns: readonly string[];
    readonly exclude_patterns: readonly string[];
}

export interface FakeResource {
    readonly actions: {
        readonly users: Record<string, readonly string[]>;
        readonly groups: Record<string, readonly string[]>;
    };
    readonly targets: Record<string, FakeTarget>;
}

export interface FakePermission {
    readonly name: string;
    resources: Record<string, FakeResource>;
}

export interface FakeToken {
    readonly id: string;
    readonly secret: string;
    readonly username: string;
    readonly scope: string;
    readonly description: string;
    /** Seconds since the epoch. */
    issued: number;
    /** Seconds since the epoch; 0: never. */
    expiry: number;
}

export interface FakeUser {
    readonly username: string;
    readonly password: string;
    readonly isAdmin: boolean;
}

export type Principal =
    | { readonly kind: "anonymous" }
    | { readonly kind: "user"; readonly user: FakeUser }
    | { readonly kind: "token"; readonly token: FakeToken };

/** What the documentation leaves open, one answer of several; the program must accept each. */
export interface OpenAnswers {
    /** `GET repositories/{key}` of a missing one: the vendor's own provider expects both. */
    missingRepository: 400 | 404;
    /** A second group or permission of the same name. */
    duplicate: 409 | 400;
    /** `POST permissions`, with or without the permission as body. */
    permissionCreated: { readonly status: 200 | 201; readonly hasBody: boolean };
    /** The code of Access for what does not exist. */
    absenceCode: string;
    /** Whether a token of a group may read Artifactory's version. */
    groupReadsVersion: boolean;
    /** Whether permissions need a Pro license, as the older calls for them do. */
    permissionsNeedPro: boolean;
    /** Whether the list of tokens knows the filter `username`. */
    filtersTokens: boolean;
}

/** What the fake JFrog platform holds; tests change it as somebody with its interface would. */
export class Platform {
    version = "7.90.1";
    /** "free": Container Registry, Open Source, or no valid license. */
    edition: "pro" | "free" = "pro";
    /** Anonymous access to Artifactory. */
    allowsAnonymous = false;
    /** "Enable Token Generation via API": tokens for a password. */
    createsTokensForPasswords = true;
    isReady = true;
    readonly users: FakeUser[] = [];
    readonly suspended = new Set<string>();
    readonly repositories = new Map<string, FakeRepository>();
    readonly groups = new Map<string, FakeGroup>();
    readonly permissions = new Map<string, FakePermission>();
    tokens: FakeToken[] = [];
    /** By secret, every token that there ever was. */
    readonly everyToken = new Map<string, FakeToken>();
    /** Of whom a token of the token service is, by its text. */
    readonly principals = new Map<string, Principal>();
    readonly open: OpenAnswers = {
        missingRepository: 400,
        duplicate: 409,
        permissionCreated: { status: 201, hasBody: true },
        absenceCode: "NOT_FOUND",
        groupReadsVersion: true,
        permissionsNeedPro: true,
        filtersTokens: true,
    };

    addToken(username: string, scope: string, seconds: number, description = ""): FakeToken {
        const issued = Math.floor(Date.now() / 1000);
        const expiry = seconds === 0 ? 0 : issued + seconds;
        const id = randomUUID();
        // A JWT that says whose it is (generate-expirable-tokens).
        const claims = Buffer.from(JSON.stringify({ sub: `jfac@01h0example/users/${username}`, scp: scope, jti: id }));
        const secret = `eyJ2ZXIiOiIyIn0.${claims.toString("base64url")}.${randomBytes(32).toString("base64url")}`;
        const token = { id, secret, username, scope, description, issued, expiry };
        this.tokens.push(token);
        this.everyToken.set(secret, token);
        return token;
    }

    /** The token of a robot account. */
    token(username: string): FakeToken {
        const found = this.tokens.find((token) => token.username === username);
        if (found === undefined) throw new Error(`no token of ${username}`);
        return found;
    }

    /** As if the token had been made so many days ago. */
    age(username: string, days: number): void {
        const token = this.token(username);
        token.issued -= days * 86_400;
        if (token.expiry > 0) token.expiry -= days * 86_400;
    }

    revoke(id: string): boolean {
        const before = this.tokens.length;
        this.tokens = this.tokens.filter((token) => token.id !== id);
        return this.tokens.length < before;
    }

    /** As the group that a permission was created for has its rights. */
    rights(name: string): readonly string[] {
        return this.permissions.get(name)?.resources.artifact?.actions.groups[name] ?? [];
    }

    setRights(name: string, actions: readonly string[]): void {
        const permission = this.permissions.get(name);
        const artifact = permission?.resources.artifact;
        if (permission === undefined || artifact === undefined) throw new Error(`no permission ${name}`);
        const groups = { ...artifact.actions.groups, [name]: actions };
        permission.resources = {
            ...permission.resources,
            artifact: { ...artifact, actions: { ...artifact.actions, groups } },
        };
    }

    /** A-adm: basic-authentication: with a token as password the user name must be that of the token. */
    login(login: { username: string; password: string } | undefined): Principal {
        if (login === undefined) return { kind: "anonymous" };
        const { username, password } = login;
        const user = this.users.find((one) => one.username === username && one.password === password);
        if (user !== undefined) return { kind: "user", user };
        const bearer = this.bearer(password);
        return bearer.kind === "token" && bearer.token.username === username ? bearer : { kind: "anonymous" };
    }

    bearer(secret: string): Principal {
        const token = this.tokens.find((one) => one.secret === secret);
        const isLive = token !== undefined && (token.expiry === 0 || token.expiry * 1000 > Date.now());
        return isLive ? { kind: "token", token } : { kind: "anonymous" };
    }

    isAdmin(principal: Principal): boolean {
        if (principal.kind === "anonymous") return false;
        if (principal.kind === "user") return principal.user.isAdmin;
        return principal.token.scope === "applied-permissions/admin";
    }

    /** A: create-scoped-token: `applied-permissions/groups:<name>` gives the rights of that group. */
    may(principal: Principal, key: string, action: string): boolean {
        if (this.isAdmin(principal)) return true;
        if (principal.kind !== "token")
            return principal.kind === "anonymous" && this.allowsAnonymous && action === "READ";
        const group = /^applied-permissions\/groups:(.+)$/.exec(principal.token.scope)?.[1] ?? "";
        if (!this.groups.has(group)) return false;
        return [...this.permissions.values()].some(({ resources: { artifact } }) => {
            const isFor = artifact?.targets[key]?.include_patterns.includes("**") === true;
            return isFor && artifact?.actions.groups[group]?.includes(action) === true;
        });
    }
}
