import * as pulumi from "@pulumi/pulumi";
import type { RobotAccount } from "../dynamic-providers/robot-account/resource";
import type { RegistryConnectionArgs } from "../dynamic-providers/registry/registry-kind";
import type { RetiredRobot } from "../dynamic-providers/robot-account/kind";
import type { Credentials } from "../lib/http/credentials";
import type { ImageMark } from "../lib/mirror/image-set";
import { type MirrorBase, mirrorReference } from "../lib/mirror/mirror-reference";
import { formatReference, parseSourceKey } from "../lib/oci/reference";
import { type FilesMachineConfig, clientMachineConfigs } from "../lib/openshift";
import { type Robot, validUntil } from "../lib/registries";
import { type AccountRole, type ConnectionSecrets, roleHost } from "../lib/site";
import { applyKnown } from "./known";

/** The name of the one site in this project's own program. */
export const STOCK_SITE = "site";

/** Where an image is at the mirror, and its digest there and, unless it is marked, upstream. */
export interface MirroredImage {
    readonly mirror: string;
    readonly digest: string;
    readonly mark?: ImageMark;
}

/** A robot account without its secret. */
export interface RobotSummary {
    readonly username: string;
    /** RFC 3339; absent if it never expires. */
    readonly expiresAt?: string;
    /** Earlier accounts that stay valid, at least until then, for clusters that have one of them in their pull secret. */
    readonly retired?: readonly { readonly username: string; readonly validUntil: string }[];
}

export type RobotSummaries = Partial<Record<"importer" | "puller", RobotSummary>>;

/** @param overlap days for which a retired puller stays valid */
export function summarizeRobots(
    importer: RobotAccount,
    puller: RobotAccount,
    overlap: pulumi.Input<number>,
): pulumi.Output<RobotSummaries> {
    const retired = puller.retiredRobots.apply((robots) => robots ?? []);
    return applyKnown(
        pulumi.all([importer.robot, puller.robot, retired, overlap]),
        ([push, pull, earlier, days]): RobotSummaries => ({
            importer: summarize(push),
            puller: { ...summarize(pull), ...summarizeRetired(earlier, days) },
        }),
    );
}

function summarize({ username, expiresAt }: Robot): RobotSummary {
    return { username, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** Which of the others are deleted already is known to their retirement alone, which may be left out of an `up`. */
function summarizeRetired(retired: readonly RetiredRobot[], overlap: number): Pick<RobotSummary, "retired"> {
    const now = new Date();
    const valid = retired.flatMap((account) => {
        const until = validUntil(account, overlap);
        if (account.gone === true || until <= now) return [];
        return [{ username: account.robot.username, validUntil: until.toISOString() }];
    });
    return valid.length === 0 ? {} : { retired: valid };
}

/** Source reference -> where the image is at the mirror. */
export function mirroredImages(
    base: MirrorBase,
    images: Readonly<Record<string, string>>,
    marks: Readonly<Record<string, ImageMark>>,
): Record<string, MirroredImage> {
    return Object.fromEntries(
        Object.entries(images).map(([source, digest]) => {
            const mirror = mirrorReference(base, parseSourceKey(source));
            const mark = marks[source];
            return [source, { mirror: formatReference(mirror), digest, ...(mark === undefined ? {} : { mark }) }];
        }),
    );
}

/** An account of the registry as clusters and tools take it; secret. */
export function dockerConfig(
    mirror: pulumi.Output<MirrorBase>,
    { pushHost }: Pick<RegistryConnectionArgs, "pushHost">,
    role: AccountRole,
    account: pulumi.Output<Credentials>,
): pulumi.Output<string> {
    const known = pulumi
        .all([mirror, pushHost])
        .apply(([base, push]) => roleHost({ mirror: base, ...(push === undefined ? {} : { pushHost: push }) }, role));
    return pulumi.secret(
        applyKnown(pulumi.all([known, account]), ([host, { username, password }]) => {
            const auth = Buffer.from(`${username}:${password}`, "utf8").toString("base64");
            return JSON.stringify({ auths: { [host]: { auth } } });
        }),
    );
}

/** How a site's registry is reached. */
export interface SiteConnection {
    readonly registry: RegistryConnectionArgs;
    readonly connectionSecrets?: pulumi.Input<ConnectionSecrets>;
}

/** PEM of the client certificate; undefined if none is configured. */
export function clientCertificate({ registry }: SiteConnection): pulumi.Output<string> | undefined {
    if (registry.clientCertificate === undefined) return undefined;
    return pulumi.output(registry.clientCertificate).apply((certificate) => certificate ?? "");
}

/** MachineConfigs with the client certificate and its key for nodes; secret. Undefined if none is configured. */
export function nodeCertificates(
    mirror: pulumi.Output<MirrorBase>,
    { registry, connectionSecrets }: SiteConnection,
): pulumi.Output<readonly FilesMachineConfig[]> | undefined {
    if (registry.clientCertificate === undefined || connectionSecrets === undefined) return undefined;
    return pulumi.secret(
        pulumi
            .all([mirror, registry.ca, registry.clientCertificate, connectionSecrets])
            .apply(([{ host }, ca = "", certificate, { clientKey: key }]) =>
                certificate === undefined || key === undefined
                    ? []
                    : clientMachineConfigs({ host, ca, certificate, key }),
            ),
    );
}
