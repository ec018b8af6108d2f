import { z } from "zod";
import { commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, adminArgs, allTexts, registrySecrets } from "../registry/registry-kind";

const args = adminArgs.extend({
    /** Secret: the name is registered with it. */
    superuserPassword: z.string(),
});
const inputs = args.extend(commonInputs.shape);

export type RegistrySuperuserArgs = RegistryResourceArgs<typeof args>;
export type RegistrySuperuserInputs = Readonly<z.infer<typeof inputs>>;

export const registrySuperuserKind = {
    name: "registrySuperuser",
    inputs,
    outputs: [],
    secrets: { ...registrySecrets, superuserPassword: allTexts },
} as const;
