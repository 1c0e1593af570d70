"""Azure ML's inference server, as far as an entry script sees it: its class of responses.

Source: azureml-inference-server-http 1.5.1.
"""
