import type { ImageMark } from "../../lib/mirror/image-set";
import type { StackRun } from "../stack/stack-runs";

/** The version of the JSON form. A field that is added keeps it; one that changes or goes raises it. */
export const REPORT_VERSION = 1;

/** What was proven of a whole site, from its state, configuration and lock files: the JSON form (docs/outputs.md). */
export interface SiteReport {
    readonly reportVersion: typeof REPORT_VERSION;
    readonly stack: string;
    /** The time of the state that it is about, RFC 3339. */
    readonly recordedAt: string;
    /** "not proven" if there is any problem. */
    readonly verdict: "proven" | "not proven";
    readonly mirrorBase: string;
    readonly registry: { readonly type: string; readonly version?: string };
    /** The latest run of the engine; absent if its history is empty. */
    readonly lastRun?: StackRun;
    /** What should be proven and is not. */
    readonly problems: readonly ReportProblem[];
    /** What nothing in the configuration asks to prove, or the state does not hold. */
    readonly notProven: readonly NotProven[];
    readonly sets: readonly ReportSet[];
    /** Sorted by source. */
    readonly images: readonly ReportImage[];
    readonly clusters: readonly ReportCluster[];
    readonly accounts: readonly ReportAccount[];
}

export interface ReportProblem {
    /** "set 2026-11", "cluster west", "account puller-2", "stack site-a", or the name of a resource. */
    readonly subject: string;
    readonly problem: string;
    readonly fix?: string;
}

export interface NotProven {
    readonly subject: string;
    readonly reason: string;
}

export interface ReportSet {
    readonly name: string;
    readonly archive: readonly string[];
    /** Path of the lock file, and the digest of its content that was imported. */
    readonly lock: string;
    readonly lockDigest: string;
    /** When an `up` last imported images of the set, RFC 3339; absent if an earlier version did. */
    readonly importedAt?: string;
    /** Images in the registry, by the state. */
    readonly images: number;
    /** Images that an import or a refresh found missing or damaged, sorted. */
    readonly incomplete: readonly string[];
    /** What the lock file says; absent if it is not the one that was imported. */
    readonly content?: {
        readonly format: string;
        /** Manifests and blobs that the archive has, each once. */
        readonly bytes: number;
        /** Images that the configuration leaves out -> the pattern that does. */
        readonly excluded: Readonly<Record<string, string>>;
        /** Images that were requested and that the archive lacks. */
        readonly absent: readonly string[];
    };
}

/** How pulls of an image were proven: by digest, by tag, and that all its blobs are there, or each byte of them. */
export type ProofPart = "digest" | "tag" | "all blobs" | "every byte";

/** What the validation of one cluster's rules says of an image. */
export interface ImageProof {
    readonly cluster: string;
    /** Empty if it is not proven. */
    readonly proven: readonly ProofPart[];
    /** Why it is not proven. */
    readonly problem?: string;
}

export interface ReportImage {
    /** Upstream reference. */
    readonly source: string;
    readonly mirror: string;
    /** Absent if the image was imported once, was found missing, and nothing says any more what it was. */
    readonly digest?: string;
    /** Why its digest is not upstream's. */
    readonly mark?: ImageMark;
    readonly sets: readonly string[];
    /** For each cluster. */
    readonly proofs: readonly ImageProof[];
}

/** What nodes do with pulls of a source. */
export interface ReportRule {
    readonly source: string;
    readonly mirrors: readonly string[];
    /** Whether nodes may pull from the upstream what the mirror lacks. */
    readonly upstream: "allowed" | "forbidden";
    /** What the site wants, if a later `up` does it. */
    readonly wanted?: "forbidden";
}

export interface ReportCluster {
    /** "" for that of `site.cluster`. */
    readonly name: string;
    /** That the rules are made for: `4.18.20`, or `newest`. */
    readonly version?: string;
    /** True if the program writes to the cluster: then the rules are in force. */
    readonly isApplied: boolean;
    readonly rules: readonly ReportRule[];
    /** The proof that every image can be pulled through the rules. */
    readonly validation?: {
        readonly status: "proven" | "failing";
        readonly provenAt: string;
        /** User name; absent if an earlier version did it. */
        readonly account?: string;
        readonly images: number;
        readonly manifests: number;
        readonly blobs: number;
        readonly bytesRead: number;
    };
    /** Images that the cluster's objects name, looked up at the mirror. */
    readonly coverage?: {
        readonly at: string;
        readonly images: number;
        readonly missing: number;
        readonly unknown: number;
    };
    readonly rollout?: {
        /** Absent: not every node has the rules, or an earlier version waited. */
        readonly rolledOutAt?: string;
        readonly pools: readonly { readonly pool: string; readonly configuration: string; readonly nodes: number }[];
        /** What nodes still lacked when the run went on without them. */
        readonly behind: readonly string[];
    };
    /** Pulls by nodes of what only the mirror has. */
    readonly nodes?: {
        readonly provenAt?: string;
        readonly account?: string;
        /** "quay.io by digest: proven from the mirror", by pool. */
        readonly pools: readonly { readonly pool: string; readonly results: readonly string[] }[];
    };
    /** Signature policies that this program has written. */
    readonly signatures?: {
        readonly policies: readonly string[];
        /** Images that were looked up then, and that nodes accept by them. */
        readonly accepted: number;
        readonly acceptedAt?: string;
        readonly behind: readonly string[];
    };
    /** Images that nodes pulled beforehand. */
    readonly pinned?: {
        readonly images: number;
        /** Pools all of whose nodes have them. */
        readonly pools: readonly { readonly pool: string; readonly nodes: number }[];
        readonly filledAt?: string;
        readonly behind: readonly string[];
    };
    /** Mirror objects of others that the rules replace. */
    readonly oldRules?: {
        readonly removed: readonly string[];
        readonly kept: readonly string[];
        readonly doneAt?: string;
    };
}

export interface ReportAccount {
    readonly role: "importer" | "puller";
    /** Absent if the state has it encrypted only. */
    readonly username?: string;
    /** "created": a robot account of this stack; "retired": one that was replaced; "given": of the configuration. */
    readonly origin: "created" | "retired" | "given";
    readonly createdAt?: string;
    /** When it got its present secret under its name. */
    readonly renewedAt?: string;
    /** Whole days that its secret was old at the time of the state. */
    readonly ageDays?: number;
    readonly expiresAt?: string;
    /** When it is to be replaced, or, if it is retired, until when it stays valid; with the reason. */
    readonly due?: { readonly at: string; readonly reason: string };
    /** Who logs in with it: "imports", "pull secret of cluster west", "whoever has the pull secret by hand", … */
    readonly users: readonly string[];
}
