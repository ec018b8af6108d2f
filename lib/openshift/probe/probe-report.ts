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
    absent: "of what nobody has",
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
 * True if nothing is left to prove: each pull by digest and by tag came from the mirror or has nothing to prove, and no
 * pull of what nobody has was wrong. That one may be unproven: containerd does not say whom it asked.
 */
export function isProven(results: readonly ProbeResult[]): boolean {
    const isFine = ({ form, outcome }: ProbeResult) =>
        outcome === "proven" || outcome === "skipped" || (form === "absent" && outcome === "unproven");
    return results.every(isFine) && (results.length === 0 || results.some(({ outcome }) => outcome === "proven"));
}
