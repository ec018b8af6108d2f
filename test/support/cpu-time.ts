/**
 * Calls a function. @returns its result, and the milliseconds of CPU time that this process has used in the meantime: what
 * else the machine does is not in it
 */
export async function withCpuTime<Result>(
    work: () => Result | Promise<Result>,
): Promise<{ readonly result: Result; readonly milliseconds: number }> {
    const before = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(before);
    return { result, milliseconds: (user + system) / 1000 };
}
