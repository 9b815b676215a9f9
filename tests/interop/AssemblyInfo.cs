// Most of a test is waiting for other processes: two classes at a time keep two cores busy. More would only make each of them wait longer.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
