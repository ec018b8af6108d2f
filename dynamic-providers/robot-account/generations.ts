import { registryAdmin } from "../../lib/registries";
import { UNKNOWN_VALUE } from "../lifecycle/unknown-value";
import { isMoving } from "../registry/connection";
import { type Times, upcomingRotation } from "./rotation";
import type { RetiredAccount, RobotAccountInputs, RobotAccountOutputs } from "./kind";

const DAY_MS = 24 * 3600 * 1000;

/** What a refresh has noted beside the inputs: the engine gives a check nothing else of the state. */
type NotedInputs = Partial<
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
    const isDue = replacementReason(olds, news) !== undefined;
    const generation = isDue ? (olds.nextGeneration ?? olds.generation + 1) : olds.generation;
    decided.set(news.selfUrn, generation);
    return generation;
}

/**
 * Whether the account is replaced. One that skipped the names of others has a higher number in state than its inputs, so
 * where the update replaces it, a changed text counts as well. The engine creates a successor under the number of the
 * inputs, which must not be the name of the account itself: it waits for the next refresh, which corrects the inputs.
 */
export function isReplaced(olds: RobotAccountOutputs, news: RobotAccountInputs): boolean {
    if ((news.generation ?? 0) > olds.generation) return true;
    return news.overlap !== undefined && changedText(olds, news) !== undefined;
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

/** Why the account is replaced: what a refresh found, or what was changed in the configuration. undefined: it is not. */
function replacementReason(olds: NotedInputs, news: RobotAccountInputs): string | undefined {
    // The new address may lead to the same registry, and the site may come back, while clusters still pull with this account.
    if (isMoving(olds, news)) return `the registry moves to ${news.registry.mirrorBase}`;
    if (olds.due !== undefined) return olds.due;
    const rotated = changedText(olds, news);
    if (rotated !== undefined) return `${rotated} was changed`;
    const expires = registryAdmin(news.registry.type).capabilities.robotExpiry;
    return expires && olds.maxAge !== news.maxAge ? "maxAge was changed" : undefined;
}

/**
 * The earlier generations that stay here: those whose overlap has not ended, and the current one if `generation` replaces it.
 * An account that was deleted in the registry is not among them.
 */
export function remainingAccounts(
    olds: NotedInputs,
    news: RobotAccountInputs,
    generation: number,
    now: Date,
): readonly RetiredAccount[] {
    const { role, overlap } = news;
    if (overlap === undefined || isMoving(olds, news)) return [];
    const kept = (olds.retired ?? []).filter((account) => validUntil(account, overlap) > now);
    if (olds.generation === undefined || generation <= olds.generation || olds.gone === true) return kept;
    const { expiresAt } = olds;
    const retired = { name: `${role}-${olds.generation}`, retiredAt: now.toISOString() };
    return [...kept, { ...retired, ...(expiresAt === undefined ? {} : { expiresAt }) }];
}

/** When a retired account ends: `overlap` days after it was replaced, or when it expires, if that is earlier. */
export function validUntil({ retiredAt, expiresAt }: Omit<RetiredAccount, "name">, overlap: number): Date {
    const end = Date.parse(retiredAt) + overlap * DAY_MS;
    return new Date(expiresAt === undefined ? end : Math.min(end, Date.parse(expiresAt)));
}

/** The times of an account that stays, for later checks: a refresh has noted them, and no update asks for them. */
export function keptTimes({ createdAt, expiresAt, ...olds }: NotedInputs, generation: number): Partial<Times> {
    if (generation !== olds.generation || createdAt === undefined) return {};
    return { createdAt, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** For a preview: that the account is due for replacement soon. */
export function upcomingLine(olds: NotedInputs, news: RobotAccountInputs): string | undefined {
    const { generation = 1, role } = news;
    const { createdAt, ...expiry } = keptTimes(olds, generation);
    const text = createdAt === undefined ? undefined : upcomingRotation({ createdAt, ...expiry }, news, new Date());
    return text === undefined ? undefined : `${role}-${generation}: ${text}`;
}

/** Inputs as state holds them: times that a refresh has noted are those of the account, which may be another one now. */
export function withoutTimes(inputs: RobotAccountInputs): RobotAccountInputs {
    const { createdAt: _createdAt, expiresAt: _expiresAt, ...rest } = inputs as RobotAccountInputs & Partial<Times>;
    return rest;
}

/** For a preview: which generation replaces which and why, which earlier ones stay valid until when, which are removed. */
export function generationLines(olds: NotedInputs, news: RobotAccountInputs): string[] {
    const { overlap = 0, retired = [] } = news;
    if (isMoving(olds, news)) return replacementLine(olds, news);
    const day = (account: RetiredAccount) => validUntil(account, overlap).toISOString().slice(0, 10);
    const isKept = (account: RetiredAccount) => retired.some(({ retiredAt }) => retiredAt === account.retiredAt);
    const ended = (olds.retired ?? []).filter((account) => !isKept(account));
    return [
        ...replacementLine(olds, news),
        ...retired.map(
            (account) =>
                `${account.name} stays valid until ${day(account)} for clusters that still have it in their pull secret ` +
                "(site.robots.puller.overlap); the first up after that removes it",
        ),
        ...ended.map((account) => `${account.name} is removed: its overlap ended on ${day(account)}`),
    ];
}

function replacementLine(olds: NotedInputs, news: RobotAccountInputs): string[] {
    const { role, generation } = news;
    const before = olds.generation;
    const reason = replacementReason(olds, news);
    if (before === undefined || generation === undefined || generation <= before || reason === undefined) return [];
    return [`${role}-${before} -> ${role}-${generation}: ${reason}`];
}
