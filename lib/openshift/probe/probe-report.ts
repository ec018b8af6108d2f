import type { ProbeForm } from "./probe-plan";
import type { ProbeOutcome, ProbeVerdict } from "./probe-verdict";

/** What came of all pulls of a form, of a source in a pool. */
export interface ProbeResult extends ProbeVerdict {
    readonly pool: string;
    readonly source: string;
    readonly form: ProbeForm;
}

const FORMS: Readonly<Record<ProbeForm, string>> = {
    digest: "by digest",
    tag: "by tag",
    absent: "by a digest that does not exist",
};

const WORDS: Readonly<Record<ProbeOutcome, string>> = {
    proven: "proven from the mirror",
    unproven: "pulled, but its origin is not proven",
    failed: "failed",
    refused: "not run",
    skipped: "not run",
};

function words(form: ProbeForm, outcome: ProbeOutcome): string {
    const isRefused = form === "absent" && (outcome === "proven" || outcome === "unproven");
    return isRefused ? "refused as it must be" : WORDS[outcome];
}

/** "worker: quay.io by digest: proven from the mirror" */
export function formatProbeOutcome({ pool, source, form, outcome }: Omit<ProbeResult, "detail">): string {
    return `${pool}: ${source} ${FORMS[form]}: ${words(form, outcome)}`;
}

/** The same with the node, and what was seen there: "… (node worker-1): Successfully pulled image …". */
export function formatProbeResult(result: ProbeResult): string {
    const { node, detail } = result;
    return `${formatProbeOutcome(result)}${node === undefined ? "" : ` (node ${node})`}: ${detail}`;
}

/**
 * True if a pull by digest or by tag came from the mirror or has nothing to prove, and if a pull of what nobody has was not
 * wrong. That one may be unproven: containerd does not say whom it asked.
 */
export function isProbeFine({ form, outcome }: Pick<ProbeResult, "form" | "outcome">): boolean {
    return outcome === "proven" || outcome === "skipped" || (form === "absent" && outcome === "unproven");
}

/** True if every result is fine, and something was proven unless there is no result at all. */
export function isProven(results: readonly ProbeResult[]): boolean {
    return results.every(isProbeFine) && (results.length === 0 || results.some(({ outcome }) => outcome === "proven"));
}
