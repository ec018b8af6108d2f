import { parseBoundedJson } from "../oci/bounded-json";
import type { SignaturePolicy } from "./policy";

/** What nodes require of signatures, as state holds it. */
export interface SignatureRules {
    readonly policies: readonly SignaturePolicy[];
    /** `host/path` of images that have no upstream. */
    readonly local: readonly string[];
}

/** One line, JSON: what nodes require, and not what an import does about it, so that state changes with the former only. */
export function formatSignatureRules({ policies, local }: SignatureRules): string {
    return JSON.stringify({ policies: policies.map(({ beforePush: _, ...policy }) => policy), local });
}

/** @param text of `formatSignatureRules` */
export function parseSignatureRules(text: string): SignatureRules {
    return parseBoundedJson(text) as SignatureRules;
}

/** An image set by its files: files or folders of its archive, and its lock file. */
export interface ImageSetFiles {
    readonly archive: readonly string[];
    readonly lock: string;
}

/** What is asked of the signatures of an image set before it is pushed. */
export interface PushSignatures {
    readonly rules: SignatureRules;
    /** Names of the policies by which the set is not pushed if nodes will refuse an image of it. */
    readonly refusing: readonly string[];
    /** The site's other sets, in their order: a signature may come with one of them. */
    readonly others: readonly ImageSetFiles[];
}
