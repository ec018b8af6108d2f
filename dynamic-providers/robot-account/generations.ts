import { registryAdmin } from "../../lib/registries";
import type { RetiredAccount, RobotAccountInputs, RobotAccountOutputs } from "./kind";

const DAY_MS = 24 * 3600 * 1000;

/** What a refresh has noted beside the inputs: the engine gives a check nothing else of the state. */
type NotedInputs = Partial<
    RobotAccountInputs &
        Pick<RobotAccountOutputs, "due" | "gone"> & {
            readonly expiresAt: string;
            /** Of an account that is due: the first generation whose name no other stack has. */
            readonly nextGeneration: number;
        }
>;

/**
 * The generation to have: the next one if a refresh found the account due, or its lifetime was changed.
 * @param decided by URN, in this process: the engine checks a replacement a second time, without the old inputs
 */
export function nextGeneration(olds: NotedInputs, news: RobotAccountInputs, decided: Map<string, number>): number {
    if (olds.generation === undefined) return decided.get(news.selfUrn) ?? 1;
    const expires = registryAdmin(news.registry.type).capabilities.robotExpiry;
    const isDue = olds.due !== undefined || (expires && olds.maxAge !== news.maxAge);
    const generation = isDue ? (olds.nextGeneration ?? olds.generation + 1) : olds.generation;
    decided.set(news.selfUrn, generation);
    return generation;
}

/**
 * The earlier generations that stay: those whose overlap has not ended, and the current one if `generation` replaces it.
 * An account that was deleted in the registry is not among them.
 */
export function remainingAccounts(
    olds: NotedInputs,
    { role, overlap }: RobotAccountInputs,
    generation: number,
    now: Date,
): readonly RetiredAccount[] {
    if (overlap === undefined) return [];
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

/** For a preview: which generation replaces which and why, which earlier ones stay valid until when, which are removed. */
export function generationLines(olds: NotedInputs, news: RobotAccountInputs): string[] {
    const { overlap = 0, retired = [] } = news;
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

function replacementLine(olds: NotedInputs, { role, generation }: RobotAccountInputs): string[] {
    const before = olds.generation;
    if (before === undefined || generation === undefined || generation <= before) return [];
    return [`${role}-${before} -> ${role}-${generation}: ${olds.due ?? "maxAge was changed"}`];
}
