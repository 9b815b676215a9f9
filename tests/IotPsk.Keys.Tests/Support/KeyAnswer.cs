namespace IotPsk.Keys.Tests.Support;

/// <summary>What a key service answers to one request.</summary>
internal sealed class KeyAnswer
{
    private readonly TaskCompletionSource<(KeyStatus Status, byte[] Key, int TpmCommands, string? Problem)> _result =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static KeyAnswer To(KeyService service, in KeyId id, SourcePrefix source = default)
    {
        var answer = new KeyAnswer();
        service.Request(id, source, answer, Done);
        return answer;
    }

    public static KeyAnswer ToSession(KeyService service, in KeyId id, byte[] clientRandom, byte[] serverRandom, SourcePrefix source = default)
    {
        var answer = new KeyAnswer();
        service.RequestSession(id, source, clientRandom, serverRandom, answer, Done);
        return answer;
    }

    public (KeyStatus Status, byte[] Key, int TpmCommands, string? Problem) Await()
    {
        Assert.True(_result.Task.Wait(TimeSpan.FromSeconds(30)), "The request was never answered.");
        return _result.Task.Result;
    }

    private static void Done(object? state, in KeyResult result) =>
        ((KeyAnswer)state!)._result.SetResult((result.Status, result.Key.ToArray(), result.TpmCommands, result.Problem));
}
