import { z } from "zod";
import { commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, adminArgs, registrySecrets } from "../registry/registry-kind";

const args = adminArgs.extend({
    /** `mirror` */
    namespace: z.string(),
    /** Bytes. */
    quota: z.number().optional(),
    /** Whether a namespace that already exists may be taken over. */
    adopt: z.boolean(),
    onRemove: z.enum(["keep", "delete"]),
});
const inputs = args.extend(commonInputs.shape);

export type RegistryNamespaceArgs = RegistryResourceArgs<typeof args>;
export type RegistryNamespaceInputs = Readonly<z.infer<typeof inputs>>;

export const registryNamespaceKind = {
    name: "registryNamespace",
    inputs,
    outputs: ["namespaceId", "adopted", "differences", "warnings", "appeared"],
    secrets: registrySecrets,
} as const;
