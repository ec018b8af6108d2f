import { createHash } from "node:crypto";
import type { MirrorRuleOptions } from "./create-mirror-objects";

/** Of a DNS subdomain, without room for what the names begin and end with. */
const MAX_LENGTH = 200;

/**
 * Names of the mirror objects of a stack: two stacks at one cluster have different ones. A name of a stack that Kubernetes
 * would not accept is made one, and told from others that would become the same by a part of its hash.
 */
export function mirrorRuleNames(stack: string): NonNullable<MirrorRuleOptions["names"]> {
    const plain = stack
        .toLowerCase()
        .replace(/[^a-z0-9-]+/g, "-")
        .replace(/^-+|-+$/g, "")
        .slice(0, MAX_LENGTH);
    const hash = createHash("sha256").update(stack).digest("hex").slice(0, 8);
    const name = `passthrough-${plain === stack ? plain : `${plain}-${hash}`}`;
    return { digest: `${name}-digest`, tag: `${name}-tag`, policy: name };
}
