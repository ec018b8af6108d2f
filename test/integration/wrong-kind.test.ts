import { registryAdmin } from "../../lib/registries";
import { RegistryProcess } from "../support/registry-process";
import { ScriptedServer } from "../support/http-server";

const credentials = { username: "admin", password: "canary-password-77c1" };

/** The error of the first request that a run makes with this kind. */
async function failure(kind: "harbor" | "quay" | "mirror-registry", host: string): Promise<unknown> {
    const account = { endpoint: { host, plainHttp: true }, credentials, retrySeconds: 0 };
    return registryAdmin(kind)
        .check(account, "mirror")
        .then(
            () => "it was accepted",
            (error: unknown) => error,
        );
}

test.each(["harbor", "quay", "mirror-registry"] as const)(
    "type %s at a plain registry is reported with the host and the fix",
    async (kind) => {
        const registry = await RegistryProcess.start();
        try {
            expect(await failure(kind, registry.host)).toMatchObject({
                registry: registry.host,
                message: expect.stringMatching(/not one of Harbor|no Quay >= 3\.8 here/),
                fix: expect.stringContaining("site.registry.type"),
            });
        } finally {
            await registry.stop();
        }
    },
);

test.each(["quay", "mirror-registry"] as const)(
    "type %s at a web interface that responds 200 to every path, as Harbor's does, is reported likewise",
    async (kind) => {
        const page = {
            status: 200,
            headers: { "content-type": "text/html" },
            body: "<!doctype html><title>Harbor</title>",
        };
        const server = await ScriptedServer.start(() => page);
        try {
            expect(await failure(kind, server.host)).toMatchObject({
                registry: server.host,
                fix: expect.stringContaining("site.registry.type"),
            });
        } finally {
            await server.stop();
        }
    },
);
