import { parseBoundedJson } from "../oci/bounded-json";
import type { SignaturePolicy } from "./policy";

/** What nodes require of signatures, as state holds it. */
export interface SignatureRules {
    readonly policies: readonly SignaturePolicy[];
    /** `host/path` of images that have no upstream. */
    readonly local: readonly string[];
}

/** One line, JSON. */
export function formatSignatureRules(rules: SignatureRules): string {
    return JSON.stringify(rules);
}

/** @param text of `formatSignatureRules` */
export function parseSignatureRules(text: string): SignatureRules {
    return parseBoundedJson(text) as SignatureRules;
}
