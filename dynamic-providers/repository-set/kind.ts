import { z } from "zod";
import { commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, adminArgs, registrySecrets } from "../registry/registry-kind";

const args = adminArgs.extend({
    /** `mirror` */
    namespace: z.string(),
    /** Names below the namespace, sorted. */
    repositories: z.array(z.string()).readonly(),
    /** User name of the robot account that pushes. */
    importer: z.string(),
    /** User name of the robot account that pulls. */
    puller: z.string(),
    onRemove: z.enum(["keep", "delete"]),
});
const inputs = args.extend(commonInputs.shape);

export type RepositorySetArgs = RegistryResourceArgs<typeof args>;
export type RepositorySetInputs = Readonly<z.infer<typeof inputs>>;

export const repositorySetKind = {
    name: "repositorySet",
    inputs,
    outputs: ["made", "missing", "differences"],
    secrets: registrySecrets,
} as const;
