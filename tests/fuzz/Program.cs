using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using IotPsk.Tls.Tests.Dtls12;
using IotPsk.Tls.Tests.Handshake;
using IotPsk.Tls.Tests.Records;
using IotPsk.Tls.Tests.Tickets;
using IotPsk.Tls.Tests.Tls12;

// Every seeded test of the engine over fresh seeds until the time is over: iotpsk-fuzz [SECONDS] [FIRST-SEED].
// A finding names test and seed; add the seed to the test's own list. Exit code 1 if there was one.
Type[] suites =
[
    typeof(MutationTests), typeof(StructureMutationTests), typeof(HostileRecordTests), typeof(HostileTicketTests), typeof(Tls12MutationTests), typeof(ResumptionMutationTests),
    typeof(LossTests), typeof(DtlsMutationTests),
];
int seconds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 60;
int next = (args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : Random.Shared.Next(1_000, 1_000_000_000)) - 1;
MethodInfo[] tests = [.. suites.SelectMany(type => type.GetMethods()).Where(m => m.GetParameters() is [{ Name: "seed" }] && m.ReturnType == typeof(void))];
const long MostMemory = 768L * 1024 * 1024;
const double MostSecondsPerSeed = 30;
var clock = Stopwatch.StartNew();
long runs = 0;
int findings = 0;

void Work()
{
    object[] instances = [.. tests.Select(test => Activator.CreateInstance(test.DeclaringType!)!)];
    while (clock.Elapsed.TotalSeconds < seconds)
    {
        int seed = Interlocked.Increment(ref next);
        for (int i = 0; i < tests.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            try
            {
                tests[i].Invoke(instances[i], [seed]);
            }
            catch (TargetInvocationException e)
            {
                Tell(tests[i], seed, e.InnerException!.ToString());
            }
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > MostSecondsPerSeed)
                Tell(tests[i], seed, $"took {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s");
            Interlocked.Increment(ref runs);
        }
    }
}

void Tell(MethodInfo test, int seed, string what)
{
    Interlocked.Increment(ref findings);
    Console.WriteLine($"FOUND {test.DeclaringType!.Name}.{test.Name} seed {seed}: {what}");
}

Console.WriteLine($"{tests.Length} tests for {seconds} s, from seed {next + 1}");
Thread[] workers = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(Work))];
foreach (Thread worker in workers)
    worker.Start();
while (workers.Any(worker => worker.IsAlive))
{
    workers.First(worker => worker.IsAlive).Join(10_000);
    GC.Collect();
    long memory = Environment.WorkingSet;
    Console.WriteLine($"{clock.Elapsed.TotalSeconds,6:0} s  {Interlocked.Read(ref runs),10} runs  {memory / 1024 / 1024} MiB resident  {findings} found");
    if (memory > MostMemory)
        Tell(((Action)Work).Method, next, $"{memory} bytes are resident: something is not given back");
}
return findings == 0 ? 0 : 1;
