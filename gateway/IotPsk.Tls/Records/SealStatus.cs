namespace IotPsk.Tls.Records;

/// <summary>Why no more data is sealed.</summary>
internal enum SealStatus
{
    /// <summary>All of it is, or no more fits.</summary>
    Done,

    /// <summary>New keys are due first.</summary>
    KeysWornOut,

    /// <summary>The sequence number is used up.</summary>
    SequenceExhausted,
}
