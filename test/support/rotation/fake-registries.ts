import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import type { Credentials } from "../../../lib/http/credentials";
import { executePlan, planImport } from "../../../lib/import";
import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { type AdminCredentials, type RegistryKind, registryAdmin } from "../../../lib/registries";
import { type TestAuthority, testAuthority } from "../certificates";
import { FakeHarbor } from "../harbor/fake-harbor";
import { MemoryImageSet } from "../image-set";
import { FakeJFrog } from "../jfrog/fake-jfrog";
import { OWNER } from "../quay/account";
import { FakeQuay } from "../quay/fake-quay";
import type { RegistryProcess } from "../registry-process";

export type RobotKind = Exclude<RegistryKind, "distribution">;
export const ROBOT_KINDS: readonly RobotKind[] = ["harbor", "quay", "mirror-registry", "jfrog"];

/** Those whose accounts can get a new secret in place. */
export const RENEWING_KINDS = ROBOT_KINDS.filter(
    (kind) => registryAdmin(kind).capabilities.secretRenewal !== undefined,
);

/** The image that every registry here has, and the repository that it is in, below the namespace. */
export const IMAGE = "quay.io/org/app:1";
const REPOSITORY = "quay.io/org/app";
const ADMIN = { username: "admin", password: "canary-93ae" } as const;

/** What tests of rotations do with a fake registry, whichever kind it is. */
export interface FakeRegistry {
    readonly host: string;
    readonly registry: RegistryProcess;
    readonly admin: AdminCredentials;
    /** Short names of the robot accounts, sorted. */
    robots(): string[];
    /** Robot accounts with their secrets. */
    logins(): Credentials[];
    /** Everything besides the accounts that belongs to one of them: groups, permissions, prototypes; by user name. */
    belongings(): string[];
    /** Creates the image's repository, where it has to exist before the first push. */
    addRepository?(): void;
    /** Called before each request. */
    watch(look: (method: string, path: string) => void): void;
    /** As somebody with the registry's own interface does it. */
    readonly byHand: ByHand;
    stop(): Promise<void>;
}

/** Changes of one robot account, by its short name. Absent where the registry has no such thing. */
export interface ByHand {
    remove(name: string): void;
    changeSecret(name: string): void;
    widen(name: string): void;
    narrow(name: string): void;
    disable?(name: string): void;
    expire?(name: string): void;
}

/** A fake registry with an authority, the namespace `mirror` and one image. */
export class RotationRegistry {
    private constructor(
        readonly kind: RobotKind,
        readonly authority: TestAuthority,
        readonly fake: FakeRegistry,
    ) {}

    static async start(kind: RobotKind): Promise<RotationRegistry> {
        const authority = await testAuthority();
        const tls = await authority.issue();
        const fake =
            kind === "harbor"
                ? harbor(await FakeHarbor.start(tls))
                : kind === "jfrog"
                  ? jfrog(await FakeJFrog.start(tls))
                  : quay(await FakeQuay.start(kind, tls));
        const started = new RotationRegistry(kind, authority, fake);
        await started.prepare();
        return started;
    }

    get mirrorBase(): string {
        return `${this.fake.host}/mirror`;
    }

    /** A client of the registry with an account, as a cluster has it: it asks once. */
    client(credentials: Credentials): RegistryClient {
        const endpoint = { host: this.fake.host, ca: this.authority.ca };
        return new RegistryClient({ endpoint, credentials, retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } });
    }

    private async prepare(): Promise<void> {
        const endpoint = { host: this.fake.host, ca: this.authority.ca };
        const account = { endpoint, credentials: this.fake.admin, retrySeconds: 0 };
        const management = registryAdmin(this.kind).manage?.(account);
        if (management === undefined) throw new Error(`${this.kind} has no robot accounts`);
        try {
            await management.namespaces.create({ name: "mirror" });
            this.fake.addRepository?.();
        } finally {
            await management.close();
        }
        await pushImage(this.fake.registry);
    }
}

/** Puts the image into the registry behind the fake, as an earlier `up` has. */
async function pushImage({ host }: RegistryProcess): Promise<void> {
    const client = new RegistryClient({ endpoint: { host, plainHttp: true } });
    const content = new MemoryImageSet();
    content.image(IMAGE);
    try {
        const base = parseMirrorBase(`${host}/mirror`);
        const plan = await planImport(client, { images: content.images, set: content.set, base });
        const { failed } = await executePlan(client, content, plan);
        if (failed.length > 0) throw new Error(JSON.stringify(failed));
    } finally {
        await client.close();
    }
}

function harbor(fake: FakeHarbor): FakeRegistry {
    const { harbor: state } = fake;
    state.users.push({ ...ADMIN, sysadmin: true });
    const short = (name: string) => name.slice("mirror+".length);
    return {
        host: fake.host,
        registry: fake.registry,
        admin: ADMIN,
        robots: () => state.robots.map(({ name }) => short(name)).sort(),
        logins: () => state.robots.map((robot) => ({ username: state.fullName(robot), password: robot.secret })),
        belongings: () => [],
        watch: (look) => {
            fake.disturb = (method, path) => {
                look(method, path);
                return undefined;
            };
        },
        byHand: {
            remove: (name) => state.removeRobot(name),
            changeSecret: (name) => void (state.robot(name).secret = "Somebody1Else"),
            widen: (name) => void state.robot(name).access.push({ resource: "repository", action: "delete" }),
            narrow: (name) => void (state.robot(name).access = []),
            disable: (name) => void (state.robot(name).disable = true),
            // Harbor has no call that makes an account end before its days are over.
            expire: (name) => state.age(name, state.robot(name).duration + 1),
        },
        stop: () => fake.stop(),
    };
}

function quay(fake: FakeQuay): FakeRegistry {
    const { model } = fake;
    model.addUser(OWNER.username, OWNER.password);
    const organization = () => {
        const found = model.organizations.get("mirror");
        if (found === undefined) throw new Error("no organization");
        return found;
    };
    const prototype = (name: string) => {
        const found = organization().prototypes.find(({ delegate }) => delegate === `mirror+${name}`);
        if (found === undefined) throw new Error(`no prototype of ${name}`);
        return found;
    };
    const robot = (name: string) => {
        const found = organization().robots.get(name);
        if (found === undefined) throw new Error(`no robot account ${name}`);
        return found;
    };
    return {
        host: fake.host,
        registry: fake.registry,
        admin: OWNER,
        robots: () => [...organization().robots.keys()].sort(),
        logins: () =>
            [...organization().robots.values()].map(({ name, token }) => ({ username: name, password: token })),
        belongings: () =>
            [
                ...organization().prototypes.map(({ delegate }) => delegate),
                ...[...organization().repositories.values()].flatMap(({ users }) => [...users.keys()]),
            ].filter((name) => name.includes("+")),
        addRepository: () => void model.addRepository(organization(), REPOSITORY, OWNER.username),
        watch: (look) => {
            fake.fault = (method, path) => {
                look(method, path);
                return undefined;
            };
        },
        byHand: {
            remove: (name) => model.removeRobot(organization(), name),
            changeSecret: (name) => void (robot(name).token = "SOMEBODYELSES"),
            widen: (name) => void (prototype(name).role = "admin"),
            narrow: (name) => organization().repositories.get(REPOSITORY)?.users.delete(`mirror+${name}`),
        },
        stop: () => fake.stop(),
    };
}

function jfrog(fake: FakeJFrog): FakeRegistry {
    const { platform } = fake;
    const { secret: token } = platform.addToken("admin", "applied-permissions/admin", 0);
    const robots = () => platform.tokens.filter(({ username }) => username !== "admin");
    const full = (name: string) => `mirror-${name}`;
    return {
        host: fake.host,
        registry: fake.registry,
        admin: { token },
        robots: () =>
            robots()
                .map(({ username }) => username.slice("mirror-".length))
                .sort(),
        logins: () => robots().map(({ username, secret }) => ({ username, password: secret })),
        belongings: () => [...platform.groups.keys(), ...platform.permissions.keys()],
        watch: (look) => {
            fake.disturb = (method, path) => {
                look(method, path);
                return undefined;
            };
        },
        byHand: {
            remove: (name) => {
                platform.revoke(platform.token(full(name)).id);
                platform.groups.delete(full(name));
                platform.permissions.delete(full(name));
            },
            // A token has no other secret: it is revoked, and somebody creates another one.
            changeSecret: (name) => void platform.revoke(platform.token(full(name)).id),
            widen: (name) => platform.setRights(full(name), ["READ", "WRITE", "MANAGE"]),
            narrow: (name) => platform.setRights(full(name), []),
            expire: (name) => void (platform.token(full(name)).expiry = Math.floor(Date.now() / 1000) - 1),
        },
        stop: () => fake.stop(),
    };
}
