import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { testAuthority } from "../certificates";
import { freePort } from "../registry-process";
import { ACCOUNT } from "../site";
import { Front, basicCredentials, forward } from "../token-gateway";
import { ServerProcess } from "./server-process";
import type { RegistryTarget } from "./target";

/**
 * `crane registry serve` (github.com/google/go-containerregistry). It has neither TLS nor accounts: a proxy in front of it
 * has, as its users put one there.
 */
export async function startCrane(): Promise<RegistryTarget> {
    const port = await freePort();
    const server = await ServerProcess.start("crane", ["registry", "serve", "--address", `127.0.0.1:${port}`], port);
    const authority = await testAuthority();
    const front = await Front.start(await authority.issue(), (request, response) => {
        const { username, password } = basicCredentials(request.headers.authorization) ?? {};
        if (username === ACCOUNT.username && password === ACCOUNT.password) forward(request, response, port);
        else response.writeHead(401, { "www-authenticate": 'Basic realm="crane"' }).end();
    });
    const stop = async () => {
        await front.stop();
        await server.stop();
    };
    return {
        endpoint: { host: front.host, ca: authority.ca },
        account: ACCOUNT,
        mirrorBase: `${front.host}/mirror`,
        stop,
    };
}

/**
 * Lists the repositories of a registry with crane, which trusts these CAs alone (Go's crypto/x509 reads SSL_CERT_FILE).
 * @throws Error with `stderr` of crane
 */
export async function craneCatalog(host: string, caFile: string): Promise<string> {
    // No public CA either, and the account of nobody.
    const env = {
        PATH: process.env.PATH,
        SSL_CERT_FILE: caFile,
        SSL_CERT_DIR: "/nonexistent",
        DOCKER_CONFIG: "/nonexistent",
    };
    return (await promisify(execFile)("crane", ["catalog", host], { env })).stdout;
}
