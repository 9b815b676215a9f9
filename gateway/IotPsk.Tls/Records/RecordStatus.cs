namespace IotPsk.Tls.Records;

/// <summary>What a look at the next record gave.</summary>
internal enum RecordStatus
{
    /// <summary>A record with content for the caller.</summary>
    Ready,

    /// <summary>A record that means nothing; it is consumed.</summary>
    Dropped,

    /// <summary>The record is not whole.</summary>
    NeedMoreData,

    /// <summary>The plaintext does not fit; nothing is consumed.</summary>
    DestinationTooSmall,

    /// <summary>The record breaks a rule.</summary>
    Failed,
}
