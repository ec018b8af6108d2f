import { execFileSync } from "node:child_process";
import type { MirrorObject } from "../../lib/openshift";
import type { RegistrySources } from "../../lib/openshift/rules/registry-sources";

/** What a cluster has: mirror objects, and registrySources of Image/cluster. */
export interface RuleCase {
    readonly objects: readonly MirrorObject[];
    readonly sources: RegistrySources;
}

/** What openshift/runtime-utils renders for a case, or why it does not. */
export type OracleResult = { readonly toml: string } | { readonly error: string };

/** Runs openshift/runtime-utils (tools/go/rules-oracle) on cases, all in one process. */
export function askRulesOracle(cases: readonly RuleCase[]): OracleResult[] {
    const input = cases.map((one) => JSON.stringify(oracleInput(one))).join("\n");
    const output = execFileSync("rules-oracle", { input, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 });
    const lines = output.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as OracleResult);
}

function oracleInput({ objects, sources }: RuleCase) {
    const ofKind = (kind: MirrorObject["kind"]) => objects.filter((object) => object.kind === kind);
    return {
        icsp: ofKind("ImageContentSourcePolicy"),
        idms: ofKind("ImageDigestMirrorSet"),
        itms: ofKind("ImageTagMirrorSet"),
        insecureRegistries: sources.insecureRegistries ?? [],
        blockedRegistries: sources.blockedRegistries ?? [],
    };
}
