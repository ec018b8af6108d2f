import { dueTime, validUntil } from "../../lib/registries";
import type { RecordedRobot, RecordedSite } from "./recorded-site";
import type { ReportAccount, ReportProblem } from "./site-report";

const DAY_MS = 24 * 3600 * 1000;

/**
 * The accounts that images are pushed and pulled with, at the time of the state.
 * @param recordedAt RFC 3339
 */
export function reportAccounts(site: RecordedSite, recordedAt: string): ReportAccount[] {
    if (site.robots.length === 0) return givenAccounts(site);
    return site.robots.flatMap((robot) => [
        currentAccount(robot, site, recordedAt),
        ...retiredAccounts(robot, site, recordedAt),
    ]);
}

function currentAccount(account: RecordedRobot, site: RecordedSite, recordedAt: string): ReportAccount {
    const { role, robot, renewedAt, maxAge, overlap } = account;
    const { at, reason } = dueTime({ ...robot, renewedAt }, { maxAge, overlap });
    return {
        role,
        username: robot.username,
        origin: "created",
        ...times(robot, renewedAt, recordedAt),
        ...dueFacts(at, account.due ?? reason),
        users: [...(role === "importer" ? ["imports"] : []), ...usersOf(site, robot.username, role === "puller")],
    };
}

function retiredAccounts({ role, retiredRobots, overlap = 0 }: RecordedRobot, site: RecordedSite, recordedAt: string) {
    const ended = new Set(site.retirement?.ended ?? []);
    return retiredRobots
        .filter(({ name, gone }) => gone !== true && !ended.has(name))
        .map((retired): ReportAccount => ({
            role,
            username: retired.robot.username,
            origin: "retired",
            ...times(retired.robot, undefined, recordedAt),
            ...dueFacts(
                validUntil(retired, overlap).getTime(),
                "it was replaced; the first `up` after that deletes it",
            ),
            users: usersOf(site, retired.robot.username, false),
        }));
}

/** A registry without robot accounts: the state has the given ones encrypted, and the user name that pulls were proven with. */
function givenAccounts({ validations, access }: RecordedSite): ReportAccount[] {
    if (access === undefined) return [];
    const username = validations.map(({ summary }) => summary.account).find((name) => name !== undefined);
    const clusters = validations.map(({ cluster }) =>
        userName(cluster === "" ? "validation" : `validation-${cluster}`),
    );
    return [
        { role: "importer", origin: "given", users: ["imports"] },
        { role: "puller", ...(username === undefined ? {} : { username }), origin: "given", users: clusters },
    ];
}

/** What is written for times that the state does not have, or has as no time, is nothing. */
function times(
    { createdAt, expiresAt }: RecordedRobot["robot"],
    renewedAt: string | undefined,
    recordedAt: string,
): Pick<ReportAccount, "createdAt" | "renewedAt" | "ageDays" | "expiresAt"> {
    const age = Math.floor((Date.parse(recordedAt) - Date.parse(renewedAt ?? createdAt)) / DAY_MS);
    return {
        createdAt,
        ...(renewedAt === undefined ? {} : { renewedAt }),
        ...(Number.isNaN(age) ? {} : { ageDays: Math.max(0, age) }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
    };
}

function dueFacts(at: number, reason: string): Pick<ReportAccount, "due"> {
    return Number.isNaN(at) ? {} : { due: { at: new Date(at).toISOString(), reason } };
}

function usersOf({ retirement }: RecordedSite, username: string, isCurrent: boolean): string[] {
    const named = (retirement?.users ?? []).filter((user) => user.username === username);
    const byHand = isCurrent && retirement?.byHand === true ? ["whoever has the pull secret by hand"] : [];
    return [...named.map(({ resource }) => userName(resource)), ...byHand];
}

/** `validation-west` and `cluster-west-trust`, as people call them. */
function userName(resource: string): string {
    const [validation, validated] = /^validation(?:-(.+))?$/.exec(resource) ?? [];
    if (validation !== undefined) return validated === undefined ? "validation" : `validation for cluster ${validated}`;
    const trusting = /^cluster(?:-(.+))?-trust$/.exec(resource);
    if (trusting === null) return resource;
    return `pull secret of ${trusting[1] === undefined ? "the cluster" : `cluster ${trusting[1]}`}`;
}

/** What is wrong with accounts, by the last refresh and the last run. */
export function accountProblems({ robots }: RecordedSite): ReportProblem[] {
    return robots.flatMap(({ name, due, unproven }) => {
        const subject = `account ${name}`;
        return [
            ...(unproven === true
                ? [
                      {
                          subject,
                          problem: "it has got a new secret that no pull or push has proven",
                          fix: "run `npm run up`",
                      },
                  ]
                : []),
            ...(due === undefined
                ? []
                : [{ subject, problem: `it is to be replaced: ${due}`, fix: "run `npm run up`, which replaces it" }]),
        ];
    });
}
