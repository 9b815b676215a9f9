namespace IotPsk.Net.Tests.Support;

/// <summary>Disposes all of them.</summary>
internal sealed class Disposables(IEnumerable<IDisposable> items) : IDisposable
{
    private readonly List<IDisposable> _items = [.. items];

    public void Dispose() => _items.ForEach(item => item.Dispose());
}
