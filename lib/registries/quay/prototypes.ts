import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { type QuayApi, ensured, expect, expectRemoved } from "./quay-api";

const prototype = z.object({
    id: z.string(),
    role: z.string(),
    delegate: z.object({ kind: z.string(), name: z.string() }),
    activating_user: z.object({ name: z.string() }).nullish(),
});

/** What every new repository of an organization grants to whom ("default permission"). */
export type Prototype = z.infer<typeof prototype>;

/** What a robot account is given in repositories: `write` includes pull. */
export type Role = "read" | "write";

export async function listPrototypes(api: QuayApi, organization: string): Promise<Prototype[]> {
    const body = z.object({ prototypes: z.array(prototype) });
    return (await api.read(`/api/v1/organization/${organization}/prototypes`, body)).prototypes;
}

/** What is wrong with the prototypes of one robot account: there must be just one, for every creator, with the role. */
export function prototypeDifferences(all: readonly Prototype[], robot: string, role: Role): string[] {
    const own = of(all, robot);
    if (own.length === 0) return [`default permission: none -> ${role}`];
    return [
        ...(own.length === 1 ? [] : [`default permissions: ${own.length} -> 1`]),
        ...own.filter((one) => one.role !== role).map((one) => `default permission: ${one.role} -> ${role}`),
        ...own.filter(isForOneCreator).map(() => "default permission: for one creator only -> for all"),
    ].slice(0, 1);
}

/**
 * Leaves just one prototype for the robot account. Quay makes a second one of the same delegate without a word; of
 * several the oldest counts, and one for the creating user before it.
 */
export async function ensurePrototype(api: QuayApi, organization: string, robot: string, role: Role): Promise<void> {
    const path = `/api/v1/organization/${organization}/prototypes`;
    const own = async (once: QuayApi) => {
        const found = of(await listPrototypes(once, organization), robot);
        return found.some((one) => !isForOneCreator(one)) ? found : undefined;
    };
    const found = await ensured(api, own, async (once) => {
        const delegate = { kind: "user", name: robot };
        expect(await once.once("POST", path, { role, delegate }), 200);
    });
    const kept = found?.find((one) => !isForOneCreator(one));
    if (found === undefined || kept === undefined) throw lostPrototypeError(api, organization, robot);
    if (kept.role !== role) expect(await api.put(`${path}/${kept.id}`, { role }), 200);
    for (const other of found) {
        if (other.id !== kept.id) expectRemoved(await api.delete(`${path}/${other.id}`));
    }
}

function of(all: readonly Prototype[], robot: string): Prototype[] {
    return all.filter(({ delegate }) => delegate.kind === "user" && delegate.name === robot);
}

function isForOneCreator({ activating_user }: Prototype): boolean {
    return activating_user !== null && activating_user !== undefined;
}

function lostPrototypeError({ connection }: QuayApi, organization: string, robot: string): RegistryError {
    return new RegistryError("Quay accepted a new default permission for it and does not have it", {
        registry: connection.host,
        thing: `robot account ${robot} in ${organization}`,
        code: "UNEXPECTED_RESPONSE",
        fix: "run again; if it stays so, look at Quay's own log",
    });
}
