// Every lab is several processes: one after the other keeps their timeouts honest on a small machine.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
