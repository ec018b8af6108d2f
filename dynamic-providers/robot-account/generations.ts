import { registryAdmin, validUntil } from "../../lib/registries";
import { UNKNOWN_VALUE } from "../lifecycle/unknown-value";
import { isMoving } from "../registry/connection";
import { type Times, ageReason, overdueRotation, upcomingRotation } from "./rotation";
import type { RetiredAccount, RobotAccountInputs, RobotAccountOutputs } from "./kind";

/** What a refresh has noted beside the inputs: the engine gives a check nothing else of the state. */
export type NotedInputs = Partial<
    RobotAccountInputs &
        Pick<RobotAccountOutputs, "due" | "gone"> &
        Times & {
            /** Of an account that is due: the first generation whose name no other stack has. */
            readonly nextGeneration: number;
        }
>;

/**
 * The generation to have: the next one if a refresh found the account due, or the configuration asks for another one.
 * @param decided by URN, in this process: the engine checks a replacement a second time, without the old inputs
 */
export function nextGeneration(olds: NotedInputs, news: RobotAccountInputs, decided: Map<string, number>): number {
    if (olds.generation === undefined) return decided.get(news.selfUrn) ?? 1;
    const isReplaced = isReplacing(olds, news) && replacementReason(olds, news) !== undefined;
    const generation = isReplaced ? (olds.nextGeneration ?? olds.generation + 1) : olds.generation;
    decided.set(news.selfUrn, generation);
    return generation;
}

/** Whether a rotation would create a new generation; in place it does so where the account does not exist (any more). */
function isReplacing(olds: NotedInputs, news: RobotAccountInputs): boolean {
    return news.rotation !== "in-place" || olds.gone === true || isMoving(olds, news);
}

/** Why the account gets a new secret in place; undefined: it does not. */
export function renewalReason(olds: NotedInputs, news: RobotAccountInputs): string | undefined {
    const isNew = olds.generation === undefined || (news.generation ?? 0) > olds.generation;
    return isNew || isReplacing(olds, news) ? undefined : replacementReason(olds, news);
}

/**
 * Whether the account is replaced. One that skipped the names of others has a higher number in state than its inputs, so
 * where the update replaces it, a changed text counts as well. The engine creates a successor under the number of the
 * inputs, which must not be the name of the account itself: it waits for the next refresh, which corrects the inputs.
 */
export function isReplaced(olds: RobotAccountOutputs, news: RobotAccountInputs): boolean {
    if ((news.generation ?? 0) > olds.generation) return true;
    return isReplacing(olds, news) && news.overlap !== undefined && changedText(olds, news) !== undefined;
}

/** The texts to store for an account that is kept: those of before as long as a change of one still has to replace it. */
export function keptTexts(olds: RobotAccountOutputs, news: RobotAccountInputs): Pick<RobotAccountInputs, "rotate"> {
    const { rotate } = changedText(olds, news) === undefined ? news : olds;
    return rotate === undefined ? {} : { rotate };
}

/** The key of a text that has changed; one that was left out has not. */
function changedText({ rotate: before }: NotedInputs, { rotate = {} }: RobotAccountInputs): string | undefined {
    return Object.keys(rotate).find((key) => rotate[key] !== UNKNOWN_VALUE && rotate[key] !== before?.[key]);
}

/** Why the account is rotated: what a refresh found, or what was changed in the configuration. undefined: it is not. */
function replacementReason(olds: NotedInputs, news: RobotAccountInputs): string | undefined {
    // The new address may lead to the same registry, and the site may come back, while clusters still pull with this account.
    if (isMoving(olds, news)) return `the registry moves to ${news.registry.mirrorBase}`;
    if (olds.due !== undefined) return olds.due;
    const rotated = changedText(olds, news);
    if (rotated !== undefined) return `${rotated} was changed`;
    if (olds.maxAge === news.maxAge) return undefined;
    // In place its lifetime is changed, unless the secret is too old for the new one.
    if (!isReplacing(olds, news))
        return olds.createdAt && ageReason({ ...olds, createdAt: olds.createdAt }, news, new Date());
    return registryAdmin(news.registry.type).capabilities.robotExpiry ? "maxAge was changed" : undefined;
}

/**
 * The earlier generations that stay here, and the current one if `generation` replaces it and it was not deleted in the
 * registry. When they are deleted is no matter of time alone: see `RobotRetirement`.
 */
export function earlierAccounts(
    olds: NotedInputs,
    news: RobotAccountInputs,
    generation: number,
    now: Date,
): readonly RetiredAccount[] {
    const { role, overlap } = news;
    if (overlap === undefined || isMoving(olds, news)) return [];
    const kept = olds.retired ?? [];
    if (olds.generation === undefined || generation <= olds.generation || olds.gone === true) return kept;
    const { expiresAt } = olds;
    const retired = { name: `${role}-${olds.generation}`, retiredAt: now.toISOString() };
    return [...kept, { ...retired, ...(expiresAt === undefined ? {} : { expiresAt }) }];
}

/** The times of an account that stays, for later checks: a refresh has noted them, and no update asks for them. */
export function keptTimes({ createdAt, ...olds }: NotedInputs, generation: number): Partial<Times> {
    if (generation !== olds.generation || createdAt === undefined) return {};
    return notedTimes({ ...olds, createdAt });
}

/** As inputs have them. */
export function notedTimes({ createdAt, expiresAt, renewedAt }: Times): Times {
    return {
        createdAt,
        ...(expiresAt === undefined ? {} : { expiresAt }),
        ...(renewedAt === undefined ? {} : { renewedAt }),
    };
}

/**
 * For a preview: that the account is due for replacement soon, or already, where no refresh has come first and so nothing
 * replaces it.
 */
export function upcomingLine(olds: NotedInputs, news: RobotAccountInputs): string | undefined {
    const { generation = 1, role } = news;
    const { createdAt, ...expiry } = keptTimes(olds, generation);
    if (createdAt === undefined || renewalReason(olds, news) !== undefined) return undefined;
    const [times, now] = [{ createdAt, ...expiry }, new Date()];
    const text = upcomingRotation(times, news, now) ?? overdueRotation(times, news, now);
    return text === undefined ? undefined : `${role}-${generation}: ${text}`;
}

/** Inputs as state holds them: times that a refresh has noted are those of the account, which may be another one now. */
export function withoutTimes(inputs: RobotAccountInputs): RobotAccountInputs {
    const {
        createdAt: _createdAt,
        expiresAt: _expiresAt,
        renewedAt: _renewedAt,
        ...rest
    } = inputs as RobotAccountInputs & Partial<Times>;
    return rest;
}

/** For a preview: which generation replaces which and why, and until when the replaced one stays valid. */
export function generationLines(olds: NotedInputs, news: RobotAccountInputs): string[] {
    const { overlap = 0, retired = [] } = news;
    if (isMoving(olds, news)) return replacementLine(olds, news);
    const added = retired.slice(olds.retired?.length ?? 0);
    return [
        ...replacementLine(olds, news),
        ...added.map((account) => validityLine(account.name, validUntil(account, overlap), overlap)),
    ];
}

/**
 * For a preview: until when an account that was replaced stays valid.
 * @param overlap days; without any, what counts is when everything has the successor
 */
export function validityLine(name: string, until: Date, overlap: number): string {
    if (overlap === 0)
        return (
            `${name} has no overlap (site.robots.puller.overlap: 0d): it is deleted when every image was proven with its ` +
            "successor and every cluster with `apply` has it, at the end of that `up`, or by the next one where a cluster or " +
            "a host gets the pull secret by hand"
        );
    return (
        `${name} stays valid until ${until.toISOString().slice(0, 10)} for clusters that still have it in their pull ` +
        "secret (site.robots.puller.overlap); the first up after that deletes it"
    );
}

function replacementLine(olds: NotedInputs, news: RobotAccountInputs): string[] {
    const { role, generation } = news;
    const before = olds.generation;
    const reason = replacementReason(olds, news);
    if (before === undefined || generation === undefined || generation <= before || reason === undefined) return [];
    return [`${role}-${before} -> ${role}-${generation}: ${reason}`];
}
