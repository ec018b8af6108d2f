import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { NodeFiles } from "./signed-registry";

/** A pull as a node makes it. */
export interface OraclePull {
    /** `host/path@sha256:…` or `host/path:tag`, as a pod asks for it. */
    readonly reference: string;
    /** The content of policy.json. */
    readonly policy: string;
    /** GOARCH of the node. */
    readonly architecture: string;
}

/** Whether the image is pulled, or the error. */
export interface OracleVerdict {
    readonly accepted: boolean;
    readonly error?: string;
}

/**
 * Runs the image library of CRI-O (tools/go/signature-oracle) on pulls, all in one process. This process goes on
 * meanwhile: it has to read what the registry prints.
 */
export async function askSignatureOracle(host: NodeFiles, pulls: readonly OraclePull[]): Promise<OracleVerdict[]> {
    const input = pulls
        .map((pull) => JSON.stringify({ ...host, ...pull, policy: JSON.parse(pull.policy) as unknown }))
        .join("\n");
    const run = promisify(execFile)("signature-oracle", { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
    run.child.stdin?.end(input);
    const { stdout } = await run;
    const lines = stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as OracleVerdict);
}
