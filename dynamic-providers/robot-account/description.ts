import { printable } from "../../lib/errors/text";
import type { ListedRobot } from "../../lib/registries";

type Role = "importer" | "puller";

/** The description of a robot account at the registry: which stack created it, and for what. */
export function robotDescription(stack: string, role: Role, owner: string): string {
    return `registry-passthrough ${stack} ${role} (${owner})`;
}

/** Whether a robot account may be one of this program, by its short name. */
export function isRobotName(name: string): boolean {
    return /^(?:importer|puller)-\d+$/.test(name);
}

/**
 * Robot accounts that this program created for a stack whose state another one does not have, a line each: which stack,
 * when they expire, and what to do about them. Accounts that something else created are left out.
 */
export function unmanagedLines(robots: readonly ListedRobot[], now: Date): string[] {
    return robots.flatMap(({ description, robot }) => {
        const { stack, role } = creatorOf(description) ?? {};
        if (stack === undefined || role === undefined) return [];
        const { username, expiresAt } = robot;
        const what = `the robot account ${printable(username)}, created for stack ${printable(stack)}`;
        return [`${what}, is not managed by this stack and stays as it is: ${whatToDo(role, expiresAt, now)}`];
    });
}

/**
 * The same where the registry moves: accounts of this stack that are at the new place already are most likely its own, under
 * another name of the same registry.
 * @param stack the stack's name
 * @param former `mirrorBase` of the place that the site leaves
 */
export function movedLines(
    robots: readonly ListedRobot[],
    { stack, former, now }: { readonly stack: string; readonly former: string; readonly now: Date },
): string[] {
    const isOwn = ({ description }: ListedRobot) => creatorOf(description)?.stack === stack;
    const own = robots.filter(isOwn).map(({ robot }) => printable(robot.username));
    const line =
        `robot accounts of stack ${stack} are here already: ${own.join(", ")}; if ${former} is another name of this registry, ` +
        "the importer that this stack has is deleted at the end of the `up`, and its pullers stay; all others stay as they are";
    const others = robots.filter((robot) => !isOwn(robot));
    return [...(own.length === 0 ? [] : [line]), ...unmanagedLines(others, now)];
}

function creatorOf(description: string): { readonly stack: string; readonly role: string } | undefined {
    const [, stack, role] = /^registry-passthrough (\S+) (importer|puller) \(/.exec(description) ?? [];
    return stack === undefined || role === undefined ? undefined : { stack, role };
}

function whatToDo(role: string, expiresAt: string | undefined, now: Date): string {
    const day = expiresAt?.slice(0, 10) ?? "";
    const ending =
        role === "puller" ? "when no cluster has it in its pull secret" : "if the state of that stack is lost";
    if (expiresAt === undefined) return `it does not expire; delete it ${ending}`;
    if (Date.parse(expiresAt) <= now.getTime()) return `it expired on ${day}; delete it`;
    const clusters = "; clusters that have it in their pull secret need the new one before";
    return `it expires on ${day}${role === "puller" ? clusters : `; delete it earlier ${ending}`}`;
}
