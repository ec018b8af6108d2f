import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { parseBody } from "../admin-client";
import { certificateNotes } from "../certificate";
import type { RegistryAccount, RegistryHealth } from "../registry-admin";
import { HarborClient } from "./client";

const info = z.looseObject({
    harbor_version: z.string().optional(),
    read_only: z.boolean().nullish(),
    self_registration: z.boolean().nullish(),
});
const health = z.object({
    status: z.string(),
    components: z.array(z.object({ name: z.string(), status: z.string() })).default([]),
});

const OLDEST = [2, 8] as const;
/** Robot accounts may manage robot accounts since. */
const MANAGING_ROBOTS = [2, 12] as const;
/** Without these nothing can be pushed or pulled; the others may be down. */
const VITAL = new Set(["core", "database", "redis", "registry", "registryctl"]);

/**
 * That Harbor answers, is one that is known here, and takes the account; and what it leaves open.
 * Credentials are proven first: with wrong ones Harbor answers as to anybody, and much is 200 then.
 */
export async function checkHarbor(account: RegistryAccount): Promise<RegistryHealth> {
    const client = new HarborClient(account);
    const { host } = account.endpoint;
    try {
        await greet(client);
        const { isRobot } = await client.whoAmI();
        const about = await client.get("/systeminfo", info);
        const version = readVersion(about?.harbor_version, host, isRobot);
        return {
            ...(version === undefined ? {} : { version }),
            notes: [
                ...(about?.read_only === true ? [READ_ONLY] : []),
                ...(about?.self_registration === true ? [SELF_REGISTRATION] : []),
                ...(await healthNotes(client, host)),
                ...(await certificateNotes(account.endpoint)),
            ],
        };
    } finally {
        await client.close();
    }
}

const READ_ONLY =
    "Harbor is in read-only mode: nothing can be pushed or made; end it under Configuration, System Settings";
const SELF_REGISTRATION =
    "anybody who reaches Harbor may make an account there (self-registration); switch it off under Configuration, Authentication";

async function greet(client: HarborClient): Promise<void> {
    const { context, status, text } = await client.anonymous("/ping");
    if (status === 200 && isPong(text)) return;
    throw new RegistryError(`the response (${status}) is not one of Harbor`, {
        ...context,
        code: "UNEXPECTED_RESPONSE",
        fix: "check site.registry.type, host and port of site.registry.mirrorBase, and what stands in front of the registry",
    });
}

/**
 * Harbor negotiates the content type by Accept: `Pong` as text/plain, `"Pong"` as application/json. Either is accepted,
 * since a proxy may drop or rewrite Accept.
 */
function isPong(text: string): boolean {
    return ["Pong", '"Pong"'].includes(text.trim());
}

/** "Harbor 2.14.1". @throws RegistryError if it is too old */
function readVersion(text: string | undefined, host: string, isRobot: boolean): string | undefined {
    const [, version, major, minor] = /^v?((\d+)\.(\d+)[^-+]*)/.exec(text ?? "") ?? [];
    if (version === undefined) return undefined;
    const isBefore = ([least, minorLeast]: readonly [number, number]) =>
        Number(major) < least || (Number(major) === least && Number(minor) < minorLeast);
    if (isBefore(OLDEST)) throw tooOld(host, version, "2.8 or newer is needed", "upgrade Harbor");
    if (isRobot && isBefore(MANAGING_ROBOTS)) {
        const fix = "set registryUsername and registryPassword to a user who administers the project";
        throw tooOld(host, version, "robot accounts can manage others only since 2.12", fix);
    }
    return `Harbor ${version}`;
}

function tooOld(host: string, version: string, what: string, fix: string): RegistryError {
    return new RegistryError(`this is Harbor ${version}, and ${what}`, {
        registry: host,
        code: "REGISTRY_VERSION_UNSUPPORTED",
        fix,
    });
}

/** Always 200: the body tells. */
async function healthNotes(client: HarborClient, host: string): Promise<string[]> {
    const { components } = parseBody(await client.anonymous("/health"), health);
    const down = components.filter(({ status }) => status !== "healthy").map(({ name }) => name);
    const vital = down.filter((name) => VITAL.has(name));
    if (vital.length > 0) {
        throw new RegistryError(`parts of Harbor are down: ${vital.join(", ")}`, {
            registry: host,
            code: "REGISTRY_UNHEALTHY",
            fix: "look at Harbor's containers and their logs",
        });
    }
    return down.map((name) => `Harbor's ${name} is down: images work without it; look at its container and its log`);
}
