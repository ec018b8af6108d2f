import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { testAuthority } from "../certificates";
import { freePort } from "../registry-process";
import { ACCOUNT } from "../site";
import { ServerProcess } from "./server-process";
import type { RegistryTarget } from "./target";

/** Its own check: an account of the system that is not root. */
const AS_ROOT = { GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT: "true" };

/** Gitea (code.gitea.io/gitea) with TLS and one account, below whose name its images are. */
export async function startGitea(): Promise<RegistryTarget> {
    const folder = mkdtempSync(join(tmpdir(), "gitea "));
    const port = await freePort();
    const authority = await testAuthority();
    const { certificate, key } = await authority.issue();
    const file = (name: string, text: string) => {
        writeFileSync(join(folder, name), text, { mode: 0o600 });
        return join(folder, name);
    };
    const settings = {
        "": { RUN_USER: userInfo().username, RUN_MODE: "prod", WORK_PATH: folder },
        server: {
            PROTOCOL: "https",
            HTTP_ADDR: "127.0.0.1",
            HTTP_PORT: port,
            ROOT_URL: `https://localhost:${port}/`,
            CERT_FILE: file("tls.crt", certificate),
            KEY_FILE: file("tls.key", key),
            OFFLINE_MODE: true,
            DISABLE_SSH: true,
            LFS_START_SERVER: false,
            ...staticFiles(),
        },
        database: { DB_TYPE: "sqlite3", PATH: join(folder, "gitea.db") },
        security: { INSTALL_LOCK: true, SECRET_KEY: "of-a-test" },
        oauth2: { ENABLED: false },
        indexer: { ISSUE_INDEXER_TYPE: "db" },
        log: { LEVEL: "Warn" },
    };
    const configuration = ["--config", file("app.ini", ini(settings))];
    const environment = { ...process.env, ...AS_ROOT, HOME: folder };
    const run = (...args: string[]) =>
        promisify(execFile)("gitea", [...args, ...configuration], { env: environment, cwd: folder });
    await run("migrate");
    await run(
        ...["admin", "user", "create", "--username", ACCOUNT.username, "--password", ACCOUNT.password],
        ...["--email", "pusher@example.test", "--must-change-password=false"],
    );
    const server = await ServerProcess.start("gitea", ["web", ...configuration], port, environment);
    const host = `localhost:${port}`;
    const stop = async () => {
        await server.stop();
        rmSync(folder, { recursive: true, force: true });
    };
    return {
        endpoint: { host, ca: authority.ca },
        account: ACCOUNT,
        mirrorBase: `${host}/${ACCOUNT.username}`,
        stop,
    };
}

/** Releases hold the files that Gitea reads while it runs; one that was built from its module has them beside it. */
function staticFiles(): { readonly STATIC_ROOT_PATH?: string } {
    const folder = (process.env.PATH ?? "").split(delimiter).find((path) => existsSync(join(path, "gitea")));
    return folder !== undefined && existsSync(join(folder, "templates")) ? { STATIC_ROOT_PATH: folder } : {};
}

function ini(sections: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>): string {
    return Object.entries(sections)
        .map(([name, keys]) => {
            const lines = Object.entries(keys).map(([key, value]) => `${key} = ${value}`);
            return [...(name === "" ? [] : [`[${name}]`]), ...lines, ""].join("\n");
        })
        .join("\n");
}
