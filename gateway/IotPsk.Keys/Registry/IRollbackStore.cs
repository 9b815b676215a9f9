namespace IotPsk.Keys;

/// <summary>What the TPM's counter must be.</summary>
internal interface IRollbackStore
{
    /// <summary>Reads it; all zero when there is no counter.</summary>
    RollbackMark ReadRollbackMark();

    /// <summary>Sets it.</summary>
    void WriteRollbackMark(RollbackMark mark);

    /// <summary>Before the counter is raised.</summary>
    void AnnounceIncrement();

    /// <summary>After it was raised, unless something changed meanwhile.</summary>
    void SettleIncrement(ulong value);
}
