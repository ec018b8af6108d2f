import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "yaml";
import type { ApiClient, ApiObject, NamedObject } from "./api-client";

/** OpenShift releases whose custom resource definitions are in test/fixtures/openshift/crds. */
export const RELEASES = ["4.12", "4.13", "4.16", "4.20", "4.22"] as const;
export type Release = (typeof RELEASES)[number];

const CRDS = join(__dirname, "..", "..", "fixtures", "openshift", "crds");
const MACHINE_CONFIG = ["machineconfigs.yaml", "machineconfigpools.yaml", "controllerconfigs.yaml"];

interface Definition extends NamedObject {
    readonly spec: {
        readonly group: string;
        readonly names: { readonly plural: string };
        readonly versions: readonly { readonly name: string; readonly served: boolean }[];
    };
}

/** Creates the definitions of a release and waits until every one of their kinds is served. */
export async function installDefinitions(client: ApiClient, release: Release): Promise<void> {
    const definitions = definitionFiles(release).map((file) => parse(readFileSync(file, "utf8")) as Definition);
    await Promise.all(definitions.map((definition) => client.create(definition)));
    await Promise.all(definitions.map((definition) => untilServed(client, definition)));
}

/** Adds the definitions of a later release that the API server does not have yet, and waits until they are served. */
export async function addDefinitions(client: ApiClient, release: Release): Promise<void> {
    for (const file of definitionFiles(release)) {
        const definition = parse(readFileSync(file, "utf8")) as Definition;
        if ((await client.get(definition)) !== undefined) continue;
        await client.create(definition);
        await untilServed(client, definition);
    }
}

function definitionFiles(release: Release): string[] {
    const own = readdirSync(join(CRDS, release)).map((name) => join(release, name));
    // The module of the earlier releases has no definitions of the machine config operator.
    const machineConfig = own.some((file) => file.endsWith("machineconfigs.yaml"))
        ? []
        : MACHINE_CONFIG.map((name) => join("4.16", name));
    const hasClusterCatalogs = Number(release.split(".")[1]) >= 18;
    const operators = ["catalogsources.yaml", ...(hasClusterCatalogs ? ["clustercatalogs.yaml"] : [])];
    const standIns = readdirSync(join(CRDS, "stand-ins")).map((name) => join("stand-ins", name));
    return [...own, ...machineConfig, ...operators.map((name) => join("operators", name)), ...standIns].map((file) =>
        join(CRDS, file),
    );
}

async function untilServed(client: ApiClient, definition: Definition): Promise<void> {
    const { group, names, versions } = definition.spec;
    for (const { name } of versions.filter(({ served }) => served)) {
        while ((await client.request("GET", `/apis/${group}/${name}/${names.plural}?limit=1`)).status !== 200) {
            await refuseRejectedNames(client, definition);
            await delay(20);
        }
    }
}

/** A definition whose names another one has is never served: waiting would not end. */
async function refuseRejectedNames(client: ApiClient, definition: Definition): Promise<void> {
    const current = await client.get<ApiObject>(definition);
    const conditions = (current?.status?.conditions ?? []) as readonly {
        type: string;
        status: string;
        message?: string;
    }[];
    const names = conditions.find(({ type }) => type === "NamesAccepted");
    if (names?.status === "False") throw new Error(`${definition.metadata.name}: ${names.message ?? "names refused"}`);
}
