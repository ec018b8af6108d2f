import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bucket, BucketAccount } from "../../lib/openshift/deployed-registry/deployment";
import type { TestAuthority } from "./certificates";
import { end, listening } from "./processes";
import { freePort } from "./registry-process";

/** An S3 API server on loopback with one bucket in memory: TLS, and every request must be signed by its account. */
export class S3Server {
    private constructor(
        private readonly child: ChildProcess,
        private readonly folder: string,
        readonly bucket: Bucket,
        readonly account: BucketAccount,
    ) {}

    /** @param authority that issues its certificate */
    static async start(authority: TestAuthority): Promise<S3Server> {
        const folder = mkdtempSync(join(tmpdir(), "s3 "));
        const { certificate, key } = await authority.issue();
        const files = { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") };
        writeFileSync(files.certificate, certificate);
        writeFileSync(files.key, key, { mode: 0o600 });
        const port = await freePort();
        // As YAML or an INI file, both would be something else.
        const account = { accessKey: "0123e4", secretKey: "s3: #secret/+= ;" };
        const place = ["--address", `127.0.0.1:${port}`, "--bucket", "mirror"];
        const tls = ["--certificate", files.certificate, "--key", files.key];
        const child = spawn("s3-server", [...place, ...tls], {
            env: { ...process.env, S3_ACCESS_KEY: account.accessKey, S3_SECRET_KEY: account.secretKey },
            stdio: ["ignore", "ignore", "pipe"],
        });
        let output = "";
        child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
        await listening(child, port, () => output);
        const endpoint = `https://localhost:${port}`;
        const bucket = { endpoint, bucket: "mirror", region: "us-east-1", prefix: "site-a", pathStyle: true };
        return new S3Server(child, folder, { ...bucket, ca: authority.ca }, account);
    }

    async stop(): Promise<void> {
        await end(this.child);
        rmSync(this.folder, { recursive: true, force: true });
    }
}
