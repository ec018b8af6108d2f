import type { RecordedOldRules, RecordedPins, RecordedSignatures } from "./recorded-site";
import type { ReportCluster } from "./site-report";

/** What the state has of what an `up` did at a cluster beside rules, trust and proofs. */
export interface ClusterWrites {
    readonly signatures: RecordedSignatures | undefined;
    readonly pins: RecordedPins | undefined;
    readonly oldRules: RecordedOldRules | undefined;
}

/** The same for the report. */
export function writesFacts({
    signatures,
    pins,
    oldRules,
}: ClusterWrites): Pick<ReportCluster, "signatures" | "pinned" | "oldRules"> {
    return {
        ...(signatures === undefined ? {} : { signatures: signatureFacts(signatures) }),
        ...(pins === undefined ? {} : { pinned: pinFacts(pins) }),
        ...(oldRules === undefined ? {} : { oldRules: oldRuleFacts(oldRules) }),
    };
}

function signatureFacts({ written: policies, accepted, acceptedAt, behind }: RecordedSignatures) {
    return { policies, accepted, ...(acceptedAt === undefined ? {} : { acceptedAt }), behind };
}

function pinFacts({ images, pools, filledAt, behind }: RecordedPins) {
    const count = images.split("\n").filter((line) => line !== "").length;
    return { images: count, pools, ...(filledAt === undefined ? {} : { filledAt }), behind };
}

function oldRuleFacts({ stages, doneAt }: RecordedOldRules) {
    const of = (stage: "keep" | "remove") => Object.keys(stages).filter((key) => stages[key] === stage);
    return { removed: of("remove"), kept: of("keep"), ...(doneAt === undefined ? {} : { doneAt }) };
}
