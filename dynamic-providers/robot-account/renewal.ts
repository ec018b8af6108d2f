import { PassthroughError, RegistryError, errorMessage } from "../../lib/errors/errors";
import { errorCodes } from "../../lib/errors/failure-kind";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { unprovenError } from "../../lib/passthrough";
import { type DesiredRobot, type RegistryManagement, type RobotAdmin, registryAdmin } from "../../lib/registries";
import { PartialState } from "../lifecycle/resource-provider";
import { withManagement } from "../registry/connection";
import type { RegistryContext } from "../registry/registry-process";
import { desiredOfState } from "./account";
import { type NotedInputs, isReplaced, renewalReason } from "./generations";
import type { RobotAccountInputs, RobotAccountOutputs } from "./kind";
import { proveLogin } from "./proof";
import { retiredState } from "./retirement";
import { REJECTED } from "./rotation";

/** A preview asks, but does not wait for a registry that does not answer. */
const PREVIEW_MS = 10_000;
const GUIDE = "docs/how-to/rotate-accounts.md#in-place";

/** Whether an update gives the account a new secret under its name. */
export function isRenewed(olds: RobotAccountOutputs, news: RobotAccountInputs): boolean {
    const { createdAt, expiresAt } = olds.robot;
    return (
        !isReplaced(olds, news) &&
        renewalReason({ ...olds, createdAt, ...(expiresAt ? { expiresAt } : {}) }, news) !== undefined
    );
}

/** Whether an update gives clusters' account another secret while they can pull with the one that they have. */
export function endsValidSecret(olds: NotedInputs, news: RobotAccountInputs): boolean {
    const reason = renewalReason(olds, news);
    return news.role === "puller" && reason !== undefined && reason !== REJECTED;
}

/** For a preview: that the account gets a new secret and why, and from when until when whoever has the old one is locked out. */
export function renewalLines(
    olds: NotedInputs,
    news: RobotAccountInputs,
): { readonly info: string[]; readonly warning: string[] } {
    const reason = renewalReason(olds, news);
    if (reason === undefined) return { info: [], warning: [] };
    const name = `${news.role}-${olds.generation ?? 1}`;
    return {
        info: [`${name}: a new secret under the same name: ${reason}`],
        warning: [`${name}: ${news.role === "puller" ? pullerGap(news) : importerGap(news)}`],
    };
}

function pullerGap(news: RobotAccountInputs): string {
    return (
        "from the moment this `up` changes the secret until a cluster has the new pull secret, new pulls with the old one " +
        `fail; pulls with a token that a node got before go on for up to ${tokenLife(news)}. ${delivery(news)}`
    );
}

function importerGap(news: RobotAccountInputs): string {
    return (
        "this `up` gives it to whatever pushes here; anything else that pushes with the output pushSecret fails until it has " +
        `the new one (a token that it got before is valid for up to ${tokenLife(news)})`
    );
}

/** A site knows which clusters take the secret by hand; another program may not say it. */
function delivery({ byHand, targets }: RobotAccountInputs): string {
    const applied = "Clusters with `apply` get it later in this `up`, after the import and the validation";
    const guide = `by hand right after this \`up\` (${GUIDE})`;
    if (byHand === undefined) return `${applied}; give it to every other one ${guide}`;
    const hosts = targets === undefined ? [] : [`the hosts of site.cluster.targets (${targets.join(", ")})`];
    // It is the only one.
    if (byHand.includes("")) return `Give it to ${["the cluster", ...hosts].join(" and to ")} ${guide}`;
    const clusters = byHand.length === 0 ? [] : [`these clusters: ${byHand.join(", ")}`];
    const takers = [...hosts, ...clusters].join(" and to ");
    return takers === "" ? applied : `Give it ${guide} to ${takers}. ${applied}`;
}

function tokenLife({ registry }: RobotAccountInputs): string {
    return registryAdmin(registry.type).capabilities.secretRenewal?.tokenLife ?? "its lifetime";
}

/**
 * Refuses new secrets in place where they are certain to fail, when they are configured and when one is due. A registry
 * that does not answer is no reason.
 * @throws PassthroughError, RegistryError
 */
export async function requireRenewal(
    olds: NotedInputs,
    news: RobotAccountInputs,
    context: RegistryContext,
): Promise<void> {
    if (news.rotation !== "in-place") return;
    if (registryAdmin(news.registry.type).capabilities.secretRenewal === undefined) throw unsupportedError(news);
    if (olds.rotation === news.rotation && renewalReason(olds, news) === undefined) return;
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PREVIEW_MS)]);
    const ask = async ({ robots }: RegistryManagement) => robots.renewal?.refusal();
    const refusal = await withManagement(news, context, ask, { signal, retrySeconds: 0 }).catch(() => undefined);
    if (refusal !== undefined) throw refusal;
}

/**
 * Gives the account a new secret. What would make it useless is found before, while the old one is valid.
 * @throws PartialState with the new secret, if it could not be proven: the old one is not valid any more
 */
export async function renew(
    management: RegistryManagement,
    olds: RobotAccountOutputs,
    news: RobotAccountInputs,
    context: RegistryContext,
    id: string,
): Promise<RobotAccountOutputs> {
    const { robots } = management;
    if (robots.renewal === undefined) throw unsupportedError(news);
    const found = await robots.read(olds.robot, desiredOfState(olds, olds), olds.login);
    const isUsable = found?.isAccepted === true && found.differences.length === 0;
    if (isUsable) await proveLogin(news, olds.login, management, context, "old secret");
    const renewedAt = new Date().toISOString();
    const { leastDays: _, ...desired } = desiredOfState({ ...olds, renewedAt }, news);
    const { robot, credentials: login } = await robots.renewal.renew(olds.robot, desired);
    context.process.renewedLogins.set(news.registry.mirrorBase, login);
    const { generation, name } = olds;
    const account = { generation, name, robot, login, renewedAt, differences: [] };
    const outs = { ...news, ...account, ...retiredState(news, olds.retiredRobots) };
    const prove = async () => {
        await requireAccepted(robots, { robot, desired, login }, news);
        await proveLogin(news, login, management, context, "new secret");
    };
    await prove().catch((error: unknown) => {
        throw new PartialState(id, { ...outs, unproven: true }, [errorMessage(error)], errorCodes(error));
    });
    return outs;
}

interface Renewed extends Pick<RobotAccountOutputs, "robot" | "login"> {
    readonly desired: DesiredRobot;
}

/** Also where the registry has no image to prove the account with. */
async function requireAccepted(
    robots: RobotAdmin,
    { robot, desired, login }: Renewed,
    { registry: { mirrorBase } }: RobotAccountInputs,
): Promise<void> {
    const find = () => robots.read(robot, desired, login);
    const found = await find().catch((error: unknown) => {
        throw unprovenError(login.username, error, "new secret");
    });
    if (found?.isAccepted === true) return;
    const { host } = parseMirrorBase(mirrorBase);
    const rejected = new RegistryError("the registry rejects it", {
        registry: host,
        code: "UNAUTHORIZED",
        status: 401,
    });
    throw unprovenError(login.username, rejected, "new secret");
}

function unsupportedError({ registry, role }: RobotAccountInputs): PassthroughError {
    return new PassthroughError(`${registry.type} cannot give it a new secret under the same name`, {
        code: "UNSUPPORTED",
        thing: `the ${role}'s account`,
        fix: "leave out rotation: in-place",
    });
}
