using IotPsk.Keys.Tests.Support;

namespace IotPsk.Keys.Tests;

public sealed class SealedKeyCacheTests : IDisposable
{
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();
    private readonly SqliteRegistry _registry;

    public SealedKeyCacheTests()
    {
        var state = StateDirectory.OpenOrCreate(_directory["state"]);
        using (var tpm = new EsysTpm(_swtpm.Tcti))
            FleetSetup.Init(state, tpm, new FleetSetupOptions { ServerId = "gateway-01" });
        _registry = SqliteRegistry.Open(state);
        _registry.EnrolMany(Enumerable.Range(0, 100).Select(i => $"dev-{i}"));
    }

    private string SealedFile => _directory["state/keys.sealed"];

    public void Dispose()
    {
        _registry.Dispose();
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Keys_of_the_last_run_need_no_tpm_command()
    {
        var before = Run(run => Enumerable.Range(0, 100).Select(i => run.Prove(i)).ToArray());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SealedFile));

        Run(run =>
        {
            Assert.Equal((100, null), run.Loaded);
            var hmacs = run.Hmacs;
            Assert.Equal(before, Enumerable.Range(0, 100).Select(i => run.Prove(i)).ToArray());
            Assert.Equal(0, run.Hmacs - hmacs);
            return 0;
        });
    }

    [Fact]
    public void File_shows_none_of_the_keys()
    {
        var keys = Run(run => Enumerable.Range(0, 100).Select(i => Convert.FromHexString(run.Prove(i))).ToArray());

        var file = File.ReadAllBytes(SealedFile);
        Assert.All(keys, key => Assert.Equal(-1, file.AsSpan().IndexOf(key)));
        Assert.Equal(-1, file.AsSpan().IndexOf("dev-1"u8));
    }

    [Fact]
    public void Registry_decides_which_of_the_keys_still_count()
    {
        Run(run => Enumerable.Range(0, 5).Select(i => run.Prove(i)).ToArray());
        _registry.Revoke("dev-1");
        _registry.Revoke("dev-2");
        _registry.Reinstate("dev-2");

        Run(run =>
        {
            Assert.Equal(3, run.Loaded.Keys);
            Assert.False(run.IsCached(1) || run.IsCached(2));
            Assert.True(run.IsCached(0) && run.IsCached(3));
            return 0;
        });
    }

    [Fact]
    public void Keys_nobody_proved_are_not_kept()
    {
        Run(run => KeyAnswer.To(run.Service, Id(1)).Await().Status);

        Run(run =>
        {
            Assert.Equal(0, run.Loaded.Keys);
            return 0;
        });
    }

    [Fact]
    public void Keys_outlive_a_rotation_and_go_with_their_epoch()
    {
        Run(run => run.Prove(1));
        var state = StateDirectory.Open(_directory["state"]);
        using (var tpm = new EsysTpm(_swtpm.Tcti))
            FleetRotation.Rotate(state, tpm, new FleetRotationOptions());
        _registry.Refresh();
        Run(run =>
        {
            Assert.Equal(1, run.Loaded.Keys);
            return run.Prove(1);
        });
        using (var tpm = new EsysTpm(_swtpm.Tcti))
            FleetRotation.Retire(state, tpm, 1);
        _registry.Refresh();

        Run(run =>
        {
            Assert.Equal((0, null), run.Loaded);
            return 0;
        });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(14)]
    [InlineData(-1)]
    public void Damaged_file_is_told_and_every_key_derived_anew(int at)
    {
        var key = Run(run => run.Prove(1));
        var file = File.ReadAllBytes(SealedFile);
        file[at < 0 ? file.Length + at : at] ^= 1;
        File.WriteAllBytes(SealedFile, file);

        Run(run =>
        {
            Assert.Equal(0, run.Loaded.Keys);
            // A changed epoch is that of no key at hand.
            Assert.Equal(at != 9, run.Loaded.Problem?.Contains("derived anew", StringComparison.Ordinal) ?? false);
            Assert.Equal(key, run.Prove(1));
            return 0;
        });
    }

    [Fact]
    public void Truncated_file_is_told()
    {
        Run(run => run.Prove(1));
        File.WriteAllBytes(SealedFile, File.ReadAllBytes(SealedFile)[..20]);

        Run(run =>
        {
            Assert.NotNull(run.Loaded.Problem);
            return 0;
        });
    }

    [Fact]
    public void File_of_another_fleet_is_told()
    {
        Run(run => run.Prove(1));
        var other = StateDirectory.OpenOrCreate(_directory["other"]);
        using (var tpm = new EsysTpm(_swtpm.Tcti))
            FleetSetup.Init(other, tpm, new FleetSetupOptions { ServerId = "gateway-02" });
        File.Copy(SealedFile, _directory["other/keys.sealed"]);
        using var registry = SqliteRegistry.Open(other);

        using var run = new OneRun(registry, _swtpm);

        Assert.Contains("another fleet", run.Loaded.Problem, StringComparison.Ordinal);
    }

    private static KeyId Id(int device) => new($"dev-{device}", 1, KeyUse.ImportedTls13Sha256);

    /// <summary>From one start to the next stop.</summary>
    private T Run<T>(Func<OneRun, T> work)
    {
        using var run = new OneRun(_registry, _swtpm);
        var result = work(run);
        run.Cache.Save();
        return result;
    }

    private sealed class OneRun : IDisposable
    {
        private readonly TpmOwner _owner;

        internal OneRun(SqliteRegistry registry, Swtpm swtpm)
        {
            _owner = new TpmOwner(new EsysTpm(swtpm.Tcti), new TpmOwnerOptions(), TimeProvider.System);
            Service = new KeyService(registry, _owner, new KeyServiceOptions(), TimeProvider.System);
            Cache = new SealedKeyCache(registry, Service);
            Assert.Throws<InvalidOperationException>(Cache.Save);
            Assert.True(_owner.InvokeAsync(tpm =>
            {
                Cache.Unlock(tpm);
                return true;
            }).Wait(TimeSpan.FromSeconds(30)));
            Loaded = Cache.Load();
        }

        internal KeyService Service { get; }

        internal SealedKeyCache Cache { get; }

        internal (int Keys, string? Problem) Loaded { get; }

        internal long Hmacs => _owner.Counters[TpmCommand.Hmac];

        internal string Prove(int device)
        {
            var key = KeyAnswer.To(Service, Id(device)).Await().Key;
            Service.Promote(Id(device));
            return Convert.ToHexString(key);
        }

        internal bool IsCached(int device) => Service.TryGetCached(Id(device), new byte[KeyUses.MaxKeySize], out _);

        public void Dispose()
        {
            _owner.Dispose();
            Cache.Dispose();
            Service.Dispose();
        }
    }
}
