using System.Security.Cryptography;

namespace IotPsk.Keys.Tests.Support;

/// <summary>A TPM for tests of queues and buckets: HMAC in software, and a door that can be shut in front of it.</summary>
internal sealed class FakeTpm : ITpm
{
    private readonly byte[] _secret = RandomNumberGenerator.GetBytes(32);
    private readonly ManualResetEventSlim _door = new(true);
    private readonly SemaphoreSlim _arrivals = new(0);

    public string Address => "fake";

    public TpmCounters Counters { get; } = new();

    public bool IsOpen { get; private set; }

    public int OpenAttempts { get; private set; }

    public int Hmacs { get; private set; }

    /// <summary>What opening ends with, when not null.</summary>
    public TpmFault? OpenFault { get; set; }

    /// <summary>Faults of the next commands, in order.</summary>
    public Queue<TpmFault> HmacFaults { get; } = new();

    /// <summary>From now on commands hang until <see cref="OpenDoor"/>.</summary>
    public void ShutDoor() => _door.Reset();

    public void OpenDoor() => _door.Set();

    /// <summary>Waits until one more command has arrived.</summary>
    public void AwaitArrival() => Assert.True(_arrivals.Wait(TimeSpan.FromSeconds(30)), "No command reached the TPM.");

    public void Open()
    {
        if (IsOpen)
            return;
        OpenAttempts++;
        if (OpenFault is { } fault)
            throw new TpmException(fault, "the fake TPM does not open");
        IsOpen = true;
    }

    public void Close() => IsOpen = false;

    public void Hmac(TpmKeyReference key, ReadOnlySpan<byte> message, Span<byte> mac)
    {
        Counters.CountSent(TpmCommand.Hmac);
        Hmacs++;
        _arrivals.Release();
        Assert.True(_door.Wait(TimeSpan.FromSeconds(30)), "The door stayed shut.");
        if (HmacFaults.TryDequeue(out var fault))
            throw new TpmException(fault, "the fake TPM failed");
        HMACSHA256.HashData(_secret, message, mac);
    }

    public ulong Counter { get; private set; } = 1;

    public ulong ReadCounter(uint index) => Counter;

    public void IncrementCounter(uint index) => Counter++;

    public void Hmac(TpmWrappedKey key, ReadOnlySpan<byte> message, Span<byte> mac) => Hmac(key.Parent, message, mac);

    public void Dispose()
    {
        Close();
        _door.Set();
    }
}
