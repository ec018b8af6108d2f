import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import type { Digest } from "../../../lib/oci/digest";
import { testAuthority } from "../certificates";
import { freePort } from "../registry-process";
import { ACCOUNT } from "../site";
import { ServerProcess } from "./server-process";
import type { RegistryTarget } from "./target";

/** An olareg of its own, whose storage a test may damage. */
interface OlaregTarget extends RegistryTarget {
    /** Deletes the file of a manifest or blob. */
    lose(repository: string, digest: Digest): void;
}

/**
 * olareg (github.com/olareg/olareg) with TLS and one account.
 * @param deletes whether its deletions are turned on, which are off by default
 */
export async function startOlareg(authentication: "basic" | "token", deletes = true): Promise<OlaregTarget> {
    const folder = mkdtempSync(join(tmpdir(), "olareg "));
    const port = await freePort();
    const authority = await testAuthority();
    const { certificate, key } = await authority.issue();
    const file = (name: string, text: string) => {
        writeFileSync(join(folder, name), text, { mode: 0o600 });
        return join(folder, name);
    };
    const accounts = {
        users: { [ACCOUNT.username]: { cred: hashSync(ACCOUNT.password, 4) } },
        acls: [
            { repo: "*", members: [ACCOUNT.username], access: ["*"] },
            // GET /v2/ is about no repository.
            { repo: "", members: [ACCOUNT.username], access: ["read"] },
        ],
    };
    const options = {
        addr: "127.0.0.1",
        port,
        dir: join(folder, "storage"),
        ...(deletes ? { "api-delete": true, "api-blob-delete": true } : {}),
        "tls-cert": file("tls.crt", certificate),
        "tls-key": file("tls.key", key),
        // YAML is a superset of JSON.
        [authentication === "basic" ? "auth-basic" : "auth-token-opaque"]: file("accounts", JSON.stringify(accounts)),
    };
    const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const server = await ServerProcess.start("olareg", ["serve", ...flags], port);
    const host = `localhost:${port}`;
    const stop = async () => {
        await server.stop();
        rmSync(folder, { recursive: true, force: true });
    };
    // A repository is an OCI image layout.
    const lose = (repository: string, digest: Digest) =>
        rmSync(join(options.dir, repository, "blobs", digest.replace(":", "/")));
    return { endpoint: { host, ca: authority.ca }, account: ACCOUNT, mirrorBase: `${host}/mirror`, lose, stop };
}
