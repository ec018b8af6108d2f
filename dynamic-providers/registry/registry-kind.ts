import type * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { connectionForms, secretForms } from "../../lib/redaction/redaction";
import { type ImageList, imageText } from "../../lib/import/image-list";
import { type AccountRole, type RegistryConnection, connectionSecrets, registryConnection } from "../../lib/site";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import type { CommonInputs } from "../lifecycle/resource-kind";

/**
 * Which of a site's accounts a resource works with: the one that pushes, the one that clusters pull with, or, where both
 * are robot accounts, the one that creates them.
 */
const accountRole = z.enum(["importer", "puller", "admin"] satisfies AccountRole[]);

const credentials = z.object({ username: z.string(), password: z.string() });
const adminCredentials = z.union([credentials, z.object({ token: z.string() })]);

/** The arguments that every resource has which pushes or pulls. */
export const registryArgs = z.object({
    registry: registryConnection,
    /** Secret. */
    credentials,
    /** Which of the site's accounts the credentials are of, so that a rotated one is used at once. */
    account: accountRole.exclude(["admin"]),
    /** Secret. Absent: connections need no secret of their own. */
    connectionSecrets: connectionSecrets.optional(),
});

/** The arguments of resources that administer the registry: with the admin's account, or that of a kind without robots. */
export const adminArgs = registryArgs.extend({ credentials: adminCredentials, account: accountRole });

export type RegistryInputs = Readonly<z.infer<typeof registryArgs>> & CommonInputs;
export type AdminInputs = Readonly<z.infer<typeof adminArgs>> & CommonInputs;

/** How to reach a registry; all but its type may be outputs of the program, which may create that registry. */
export type RegistryConnectionArgs = Pick<RegistryConnection, "type"> & {
    readonly [Name in keyof Omit<RegistryConnection, "type">]: pulumi.Input<RegistryConnection[Name]>;
};

/** The arguments of a resource at a registry. */
export type RegistryResourceArgs<Args extends z.ZodObject> = Omit<ResourceArgs<Args>, "registry"> & {
    readonly registry: RegistryConnectionArgs;
};
export type RegistryArgs = RegistryResourceArgs<typeof registryArgs>;
export type AdminArgs = RegistryResourceArgs<typeof adminArgs>;

/** Images as inputs, and so as state holds them. */
export const imageListInput: z.ZodType<ImageList> = z.union([imageText, z.record(z.string(), z.string())]);

/** The texts that give an account away: its password or token, and what an Authorization header makes of it. */
export function accountTexts(value: unknown): readonly string[] {
    const account = adminCredentials.safeParse(value).data;
    if (account === undefined) return allTexts(value);
    return "token" in account ? [account.token] : secretForms(account);
}

/** The secret inputs of every resource at a registry. */
export const registrySecrets = { credentials: accountTexts, connectionSecrets: connectionTexts } as const;

/** The texts that give the secrets of a connection away. */
export function connectionTexts(value: unknown): readonly string[] {
    return connectionForms(typeof value === "object" && value !== null ? value : allTexts(value));
}

/** Every text in a value, to be on the safe side. */
export function allTexts(value: unknown): readonly string[] {
    if (typeof value === "string") return [value];
    return typeof value === "object" && value !== null ? Object.values(value).flatMap(allTexts) : [];
}
