namespace IotPsk.Gateway.Configuration;

/// <summary>One fault of a configuration file.</summary>
/// <param name="Path">JSON path, <c>$.Listeners[0].Listen</c>.</param>
/// <param name="What">What is wrong.</param>
/// <param name="Mend">How to mend it.</param>
internal sealed record ConfigurationError(string Path, string What, string Mend);
