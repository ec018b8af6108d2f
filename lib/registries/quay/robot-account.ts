import { parseBody } from "../admin-client";
import { z } from "zod";
import { isDuplicate, isUnknownRobot, quayError } from "./response";
import { readOrganization } from "./organization";
import { type QuayApi, expect } from "./quay-api";

const robot = z.object({
    name: z.string(),
    token: z.string().min(1),
    /** "Tue, 24 Nov 2026 14:01:48 -0000" */
    created: z.string(),
    description: z.string().nullish(),
});

/** A robot account as Quay has it, its secret included: Quay shows it to administrators again and again. */
export interface RobotAccount {
    /** `mirror+importer-2` */
    readonly username: string;
    readonly secret: string;
    /** RFC 3339: another one under the same name is another account. */
    readonly createdAt: string;
    readonly description: string;
}

function robotPath(organization: string, shortName: string): string {
    return `/api/v1/organization/${organization}/robots/${shortName}`;
}

/** undefined only if Quay definitely says that it is not there: 400 "Could not find robot", or no organization. */
export async function readRobot(
    api: QuayApi,
    organization: string,
    shortName: string,
): Promise<RobotAccount | undefined> {
    const response = await api.get(robotPath(organization, shortName));
    if (isUnknownRobot(response)) return undefined;
    // Without the organization this is a 403, as it is without the right to ask.
    if (response.status === 403 && (await readOrganization(api, organization)) === undefined) return undefined;
    const { name, token, created, description } = parseBody(expect(response, 200), robot);
    const createdAt = new Date(created);
    return {
        username: name,
        secret: token,
        createdAt: Number.isNaN(createdAt.getTime()) ? created : createdAt.toISOString(),
        description: description ?? "",
    };
}

/** Asks for a new one; whether it is there, and with which secret, is to be read. */
export async function putRobot(
    api: QuayApi,
    organization: string,
    shortName: string,
    description: string,
): Promise<void> {
    const response = await api.once("PUT", robotPath(organization, shortName), { description });
    if (!isDuplicate(response)) expect(response, 201);
}

/** Gives it another secret, which is to be read: not to be repeated blindly. Tokens that were issued before stay valid. */
export async function regenerateRobot(api: QuayApi, organization: string, shortName: string): Promise<void> {
    expect(await api.once("POST", `${robotPath(organization, shortName)}/regenerate`), 200);
}

/** One that is gone is fine; its teams, permissions and prototypes go with it. */
export async function deleteRobot(api: QuayApi, organization: string, shortName: string): Promise<void> {
    const response = await api.delete(robotPath(organization, shortName));
    if (response.status === 204 || isUnknownRobot(response)) return;
    if (response.status === 403 && (await readOrganization(api, organization)) === undefined) return;
    throw quayError(response);
}
